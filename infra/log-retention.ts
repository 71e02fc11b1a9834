import { RetentionDays } from 'aws-cdk-lib/aws-logs'

/** As long as receipts are kept by default, so that a receipt and the log lines around it go together. */
export const logRetention = RetentionDays.THREE_MONTHS
