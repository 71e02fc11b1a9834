import { randomUUID } from 'node:crypto'
import { AwsError, type Answer } from './standin.ts'

// AWS's query protocol: a form is asked, XML is answered.

/** Of the members that a list in the form has. */
export function indexes(form: URLSearchParams, name: string): number[] {
  const found = [...form.keys()].flatMap((key) => {
    const [, list, index] = /^(\w+)\.member\.(\d+)/.exec(key) ?? []
    return list === name ? [Number(index)] : []
  })
  return [...new Set(found)].toSorted((a, b) => a - b)
}

export function members(form: URLSearchParams, name: string): string[] {
  return indexes(form, name).map((index) => form.get(`${name}.member.${index}`) ?? '')
}

export function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message)
}

interface Elements {
  [name: string]: string | Elements
}

export function element(members: Elements): string {
  return Object.entries(members)
    .map(([name, value]) => `<${name}>${typeof value === 'string' ? escaped(value) : element(value)}</${name}>`)
    .join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

export function xml(operation: string, result: string): Answer {
  const body = `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${operation}Result>${result}</${operation}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${operation}Response>`
  return { status: 200, contentType: 'text/xml', body }
}

export function xmlError({ code, message, status }: AwsError): Answer {
  const Type = status < 500 ? 'Sender' : 'Receiver'
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${element({ Error: { Type, Code: code, Message: message }, RequestId: randomUUID() })}</ErrorResponse>`
  return { status, contentType: 'text/xml', body }
}
