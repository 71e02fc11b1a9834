import { CfnResource, RemovalPolicy } from 'aws-cdk-lib'
import { CfnTable } from 'aws-cdk-lib/aws-dynamodb'
import { CfnKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'

/** For a trial: whatever would stay when the stack goes, goes with it; KMS keys after the 7 days that are the least. */
export function makeEphemeral({ node }: Construct): void {
  for (const resource of node.findAll()) {
    if (!CfnResource.isCfnResource(resource)) continue
    if (resource.cfnOptions.deletionPolicy !== undefined) resource.applyRemovalPolicy(RemovalPolicy.DESTROY)
    if (resource instanceof CfnTable) resource.deletionProtectionEnabled = false
    if (resource instanceof CfnKey) resource.pendingWindowInDays = 7
  }
}
