import { request as requestOverHttp } from 'node:http'
import { request as requestOverHttps } from 'node:https'
import { setTimeout } from 'node:timers/promises'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { deadlines } from '../deadlines.ts'
import type { Log } from '../ports.ts'
import { errorName } from './unavailable.ts'

type Event = CloudFormationCustomResourceEvent
type Outcome = { Status: 'SUCCESS'; Data?: Record<string, string> } | { Status: 'FAILED'; Reason: string }

export interface CustomResource {
  /** What the template may `Fn::GetAtt`, found anew at each Create and Update. It owns nothing: Delete asks for nothing. */
  find: (properties: Event['ResourceProperties'], signal: AbortSignal) => Promise<Record<string, string>>
  /** What to do when CloudFormation would not take so much. */
  whenTooLarge: string
  log: Log
}

/** CloudFormation reads no more of an answer. */
const MAX_ANSWER_BYTES = 4_096
const MAX_REASON_CHARACTERS = 1_000

/** Milliseconds, and how often the answer is tried. */
interface Limits {
  work: number
  answer: { response: number; attempts: number; pause: number }
}

/**
 * The function behind a Lambda-backed custom resource. CloudFormation learns how it went only by a PUT to ResponseURL,
 * and waits up to an hour for one: whatever `find` throws is answered FAILED. ResponseURL is presigned, a secret, so
 * `find` never sees it. Throws only when there is nobody to answer; Lambda then asks again, twice.
 */
export function customResource(
  { find, whenTooLarge, log }: CustomResource,
  { work, answer }: Limits = deadlines.customResource,
): (event: Event) => Promise<void> {
  async function outcomeOf(event: Event): Promise<Outcome> {
    try {
      if (event.RequestType === 'Delete') return { Status: 'SUCCESS' }
      const outcome: Outcome = {
        Status: 'SUCCESS',
        Data: await find(event.ResourceProperties, AbortSignal.timeout(work)),
      }
      const bytes = Buffer.byteLength(toBody(event, outcome))
      if (bytes <= MAX_ANSWER_BYTES) return outcome
      throw new Error(`the answer takes ${bytes} bytes, and CloudFormation reads ${MAX_ANSWER_BYTES}: ${whenTooLarge}`)
    } catch (error) {
      return { Status: 'FAILED', Reason: toReason(error) }
    }
  }

  return async (event) => {
    const url = responseUrlOf(event)
    const outcome = await outcomeOf(event)
    const fields = {
      RequestType: event.RequestType,
      LogicalResourceId: event.LogicalResourceId,
      outcome: outcome.Status,
      ...(outcome.Status === 'FAILED' && { reason: outcome.Reason }),
    }
    try {
      await put(url, toBody(event, outcome), answer)
    } catch (error) {
      log.error('unanswered', { ...fields, detail: (error as Error).message })
      throw error
    }
    log[outcome.Status === 'SUCCESS' ? 'info' : 'error']('answered', fields)
  }
}

function responseUrlOf(event: Event | null): URL {
  // `new URL` would throw an error that holds its input.
  const url = URL.parse(event?.ResponseURL ?? '')
  const local = url !== null && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url?.protocol === 'https:' || (local && url.protocol === 'http:')) return url
  throw new Error('the event has no ResponseURL that can be answered')
}

function toBody(event: Event, outcome: Outcome): string {
  const { StackId, RequestId, LogicalResourceId } = event
  // Another one than before would have CloudFormation replace the resource, and delete the old.
  const PhysicalResourceId =
    event.RequestType === 'Create' ? `${LogicalResourceId}@${StackId}` : event.PhysicalResourceId
  return JSON.stringify({ ...outcome, PhysicalResourceId, StackId, RequestId, LogicalResourceId })
}

/** Printable ASCII, of which no character takes more than two bytes in JSON: it fits, whatever was thrown. */
function toReason(error: unknown): string {
  const reason = error instanceof Error && error.message !== '' ? error.message : errorName(error)
  return reason.replaceAll(/[^ -~]/g, '?').slice(0, MAX_REASON_CHARACTERS)
}

async function put(url: URL, body: string, { response, attempts, pause }: Limits['answer']): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const status = await putOnce(url, body, response).catch((error: unknown) => errorName(error))
    if (typeof status === 'number' && status >= 200 && status < 300) return
    const mayPass = typeof status === 'string' || status >= 500
    if (!mayPass || attempt === attempts) throw new Error(`CloudFormation did not take the answer: ${status}`)
    await setTimeout(pause)
  }
}

/** The status, or a rejection when there is none in time. */
function putOnce(url: URL, body: string, timeout: number): Promise<number> {
  const request = url.protocol === 'https:' ? requestOverHttps : requestOverHttp
  return new Promise((resolve, reject) => {
    request(url, {
      method: 'PUT',
      // The presigned URL's signature covers an empty content-type.
      headers: { 'content-type': '', 'content-length': Buffer.byteLength(body) },
      agent: false,
      signal: AbortSignal.timeout(timeout),
    })
      .on('response', (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      .on('error', reject)
      .end(body)
  })
}
