import { findingRules, type Finding } from '../lib/config/findings.ts'
import { toOneLine } from '../lib/protocol/one-line.ts'
import { ownPackage } from './own-package.ts'

/** Findings as a SARIF 2.1.0 log (OASIS): of a broker.yaml without any, one without results. */
export function toSarif(findings: readonly Finding[]): object {
  const { version } = ownPackage()
  const rules = Object.entries(findingRules).map(([id, text]) => ({ id, shortDescription: { text } }))
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'token-broker', version, rules } },
        // A column is counted as JavaScript does.
        columnKind: 'utf16CodeUnits',
        results: findings.map(({ file, line, column, severity, rule, message }) => ({
          ruleId: rule,
          ruleIndex: rules.findIndex(({ id }) => id === rule),
          level: severity,
          message: { text: toOneLine(message) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: toUri(file) },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
        })),
      },
    ],
  }
}

/** A relative reference (RFC 3986 section 4.2), or the path of a file URL where it is absolute. */
function toUri(file: string): string {
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/')
}
