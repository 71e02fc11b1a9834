import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'

/** Counts to CloudWatch, as log lines in its embedded metric format: no call, and nothing to wait for. */
export function powertoolsCounter(): (name: string, issuer: string) => void {
  const metrics = new Metrics({ namespace: 'TokenBroker', serviceName: 'token-broker' })
  return (name, issuer) => {
    metrics.singleMetric().addDimension('issuer', issuer).addMetric(name, MetricUnit.Count, 1)
  }
}
