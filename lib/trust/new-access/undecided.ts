/** The question has an answer, and it would take too long to find. */
export class Undecided extends Error {
  constructor() {
    super('too many conditions to tell apart')
    this.name = 'Undecided'
  }
}
