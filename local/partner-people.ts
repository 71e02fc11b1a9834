export interface PartnerPerson {
  username: string
  password: string
  /** Of a second factor, for those who have one. */
  code?: string
  /** What the partner says of them. */
  claims: { sub: string; name: string; email: string; email_verified: boolean; groups: readonly string[] }
}

/** Employees of a partner. What they type is no secret: the login page shows it. */
export const examplePeople: readonly PartnerPerson[] = [
  {
    username: 'alice',
    password: 'example',
    code: '246810',
    claims: {
      sub: 'e-1041',
      name: 'Alice Example',
      email: 'alice@partner.example',
      email_verified: true,
      groups: ['buyers'],
    },
  },
  {
    username: 'bob',
    password: 'example',
    claims: {
      sub: 'e-2077',
      name: 'Bob Example',
      email: 'bob@partner.example',
      email_verified: true,
      groups: ['guests'],
    },
  },
]
