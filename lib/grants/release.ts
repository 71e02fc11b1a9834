import { deadlines } from '../deadlines.ts'
import type { AssertionReceipt, Log, Receipt, ReceiptStore } from '../ports.ts'

/**
 * So that what was not the caller's fault does not spend the caller's token. With time of its own: the request's may be
 * used up. A receipt that cannot be released stays spent, and the log says so.
 */
export async function release(
  receipt: Receipt | AssertionReceipt,
  { receipts, log }: { receipts: ReceiptStore; log: Log },
): Promise<void> {
  try {
    await receipts.release(receipt, AbortSignal.timeout(deadlines.release))
  } catch {
    log.error('a receipt could not be released: its subject token stays spent', { decision_id: receipt.decision_id })
  }
}
