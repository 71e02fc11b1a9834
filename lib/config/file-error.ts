/** A file that broker.yaml names, and that cannot be had or is not what it should be: the message says why. */
export class FileError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FileError'
  }
}
