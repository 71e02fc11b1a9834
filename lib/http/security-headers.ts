import httpSecurityHeaders from '@middy/http-security-headers'

/** On every answer. JSON needs no more than these, and the rest of helmet's set is about pages. */
export const securityHeaders = () =>
  httpSecurityHeaders({
    strictTransportSecurity: { maxAge: 63_072_000, includeSubDomains: false, preload: false },
    contentTypeOptions: { action: 'nosniff' },
    referrerPolicy: { policy: 'no-referrer' },
    contentSecurityPolicy: false,
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: false,
    crossOriginResourcePolicy: false,
    dnsPrefetchControl: false,
    downloadOptions: false,
    frameOptions: false,
    originAgentCluster: false,
    permissionsPolicy: false,
    permittedCrossDomainPolicies: false,
    poweredBy: false,
    reportTo: false,
    xssProtection: false,
  })
