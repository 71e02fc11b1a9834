import { randomUUID } from 'node:crypto'

/** A message as it is kept. Times in milliseconds. */
export interface QueuedMessage {
  id: string
  body: string
  sent: number
  /** Nobody receives it before. */
  visible: number
  received: number
  first_received?: number
  /** What deletes it: another one each time it is received. */
  receipt?: string
  /** Of a dead letter: the queue it comes from. */
  origin?: string
}

/** A queue as it is kept. Times in seconds, as its attributes have them. */
export interface Queue {
  name: string
  visibility_timeout: number
  retention: number
  redrive?: { queue: string; most: number }
  messages: QueuedMessage[]
}

export function enqueue({ messages }: Queue, body: string, now: number): QueuedMessage {
  const message = { id: randomUUID(), body, sent: now, visible: now, received: 0 }
  messages.push(message)
  return message
}

export interface Receiving {
  most: number
  /** Seconds. */
  visibility_timeout: number
  now: number
}

/**
 * Up to so many of the messages that may be seen, which then nobody else sees for a while. What was received as often as it
 * may be goes to `deadLetters` instead, and what is older than the queue keeps it is gone.
 */
export function receive(queue: Queue, deadLetters: Queue | undefined, receiving: Receiving): QueuedMessage[] {
  const { most, visibility_timeout, now } = receiving
  queue.messages = queue.messages.filter(({ sent }) => sent + queue.retention * 1000 > now)
  const { redrive } = queue
  const received: QueuedMessage[] = []
  for (const message of queue.messages.filter(({ visible }) => visible <= now)) {
    if (redrive !== undefined && deadLetters !== undefined && message.received >= redrive.most) {
      remove(queue, message)
      delete message.receipt
      // When it was sent stays, as it does in a standard queue.
      deadLetters.messages.push(Object.assign(message, { visible: now, received: 0, origin: queue.name }))
    } else if (received.length < most) {
      message.received++
      message.first_received ??= now
      message.receipt = randomUUID()
      message.visible = now + visibility_timeout * 1000
      received.push(message)
    }
  }
  return received
}

/** Back to where each of them came from, as if it were sent now. How many. */
export function moveBack(deadLetters: Queue, findQueue: (name: string) => Queue | undefined, now: number): number {
  const movable = deadLetters.messages.filter(({ origin }) => findQueue(origin ?? '') !== undefined)
  for (const message of movable) {
    remove(deadLetters, message)
    enqueue(findQueue(message.origin ?? '') as Queue, message.body, now)
  }
  return movable.length
}

export function remove({ messages }: Queue, message: QueuedMessage): void {
  const index = messages.indexOf(message)
  if (index !== -1) messages.splice(index, 1)
}
