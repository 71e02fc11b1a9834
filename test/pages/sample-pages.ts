import { toBranding, type Branding } from '../../lib/pages/branding.ts'
import { choicePage, type Choice } from '../../lib/pages/choice-page.ts'
import { consentPage, type ConsentQuestion } from '../../lib/pages/consent-page.ts'
import { errorPage, type PageError } from '../../lib/pages/error-page.ts'
import { formPostPage, type FormPost } from '../../lib/pages/form-post-page.ts'
import {
  loggedOutPage,
  logoutPage,
  stayedPage,
  type LoggedOut,
  type LogoutQuestion,
} from '../../lib/pages/logout-page.ts'
import type { Page } from '../../lib/pages/layout.ts'

const logo = `data:image/svg+xml;base64,${Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0b57d0" d="M16 2 30 28H2z"/></svg>',
).toString('base64')}`

export const branding: Branding = toBranding({ name: 'Acme', logo, accent: '#0b57d0' }, 'https://broker.acme.dev')

export const choice: Choice = {
  login_id: 'k0vWQ3xWv9Jp3aQ2mXr1Zg',
  client_name: 'Orders',
  issuers: [
    { name: 'partner', display_name: 'Partner Inc.', href: '/login?id=k0vWQ3xWv9Jp3aQ2mXr1Zg&issuer=partner' },
    { name: 'staff/eu', display_name: 'Acme staff', href: '/login?id=k0vWQ3xWv9Jp3aQ2mXr1Zg&issuer=staff%2Feu' },
    { name: 'school', display_name: 'Università di Bologna', href: '/login?id=k0vWQ3xWv9Jp3aQ2mXr1Zg&issuer=school' },
  ],
  byAddress: true,
  unknown: false,
}

export const question: ConsentQuestion = {
  login_id: 'k0vWQ3xWv9Jp3aQ2mXr1Zg',
  proof: 'Zm9yIHRoaXMgcGFnZSBhbG9uZQ',
  client_name: 'Orders',
  issuer: 'Partner Inc.',
  person: 'ada@partner.example',
  scopes: ['openid', 'profile', 'email'],
  target: { name: 'warehouse', scopes: ['stock:read', 'stock:reserve'] },
}

export const registered: ConsentQuestion['registered'] & object = {
  host: 'orders.acme.dev',
  policy_uri: 'https://orders.acme.dev/privacy',
  tos_uri: 'https://terms.example/orders?v=2',
}

export const failure: PageError = {
  status: 400,
  phrase: 'this login cannot be continued: start again from the application',
  decision_id: '5QEkHbRP2-iqL3aHQ45OZA',
}

export const upstreamFailure: PageError = {
  ...failure,
  status: 403,
  upstream: { issuer: 'Partner Inc.', trouble: 'cancelled' },
  again: '/login?id=k0vWQ3xWv9Jp3aQ2mXr1Zg',
  back: { href: 'https://orders.acme.dev/cb?error=access_denied&state=af0ifjsldkj', client_name: 'Orders' },
}

export const formPost: FormPost = {
  client_name: 'Orders',
  redirect_uri: 'https://orders.acme.dev/cb?tenant=a&b=c',
  parameters: { code: 'SplxlOBeZQQYbYS6WxSbIA', state: 'af0ifjsldkj', iss: 'https://broker.acme.dev' },
}

export const logout: LogoutQuestion = {
  request: 'client_id=orders&state=af0ifjsldkj',
  proof: 'Zm9yIHRoaXMgcGFnZSBhbG9uZQ',
  client_name: 'Orders',
  person: 'ada@partner.example',
  issuer: 'Partner Inc.',
}

export const loggedOut: LoggedOut = {
  client_name: 'Orders',
  back: 'https://orders.acme.dev/bye?state=af0ifjsldkj',
  frames: [
    'https://orders.acme.dev/front?iss=https%3A%2F%2Fbroker.acme.dev&sid=5QEkHbRP2',
    'https://stock.acme.dev:8443/front?tenant=1&iss=https%3A%2F%2Fbroker.acme.dev&sid=5QEkHbRP2',
  ],
  issuer: 'Partner Inc.',
}

/** Each page that people see, in each of its shapes. */
export const samplePages: Readonly<Record<string, Page>> = {
  choice: choicePage(branding, choice),
  'choice without addresses': choicePage(branding, { ...choice, byAddress: false }),
  'choice after an unknown address': choicePage(branding, { ...choice, unknown: true }),
  consent: consentPage(branding, question),
  'consent to a login alone': consentPage(branding, {
    ...question,
    person: undefined,
    scopes: ['openid'],
    target: undefined,
  }),
  'consent to a client that registered itself': consentPage(branding, { ...question, registered }),
  'consent to one that says nothing of itself': consentPage(branding, {
    ...question,
    registered: { host: '127.0.0.1:8080', policy_uri: undefined, tos_uri: undefined },
  }),
  error: errorPage(branding, failure),
  'error at an issuer': errorPage(branding, upstreamFailure),
  'error at a logout': errorPage(branding, { ...failure, logOut: true }),
  form_post: formPostPage(branding, formPost),
  'a question about a logout': logoutPage(branding, logout),
  'a question of nobody about a logout': logoutPage(branding, { ...logout, client_name: undefined, person: undefined }),
  'logged out': loggedOutPage(branding, { ...loggedOut, frames: [] }),
  'logged out, and clients told': loggedOutPage(branding, loggedOut),
  'nobody is logged in': loggedOutPage(branding, {
    client_name: undefined,
    back: undefined,
    frames: [],
    issuer: undefined,
  }),
  'still logged in': stayedPage(branding, loggedOut),
}
