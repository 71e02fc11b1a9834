// What `token-broker/cdk` is.
export { BrokeredRole, type BrokeredRoleProps } from './brokered-role.ts'
export { TokenBroker, type BrokerDomain, type Throttle, type TokenBrokerProps } from './token-broker.ts'
