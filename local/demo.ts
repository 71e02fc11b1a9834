import { awsStory } from './demo/aws-story.ts'
import { loginStory } from './demo/login-story.ts'
import { logoutStory } from './demo/logout-story.ts'
import { refreshStory } from './demo/refresh-story.ts'
import { revocationStory } from './demo/revocation-story.ts'
import { RunningBroker } from './demo/running-broker.ts'
import { tokenStory } from './demo/token-story.ts'
import { startSts } from './sts.ts'

if (process.argv.some((argument) => argument === '--help' || argument === '-h')) {
  process.stdout.write(
    'npm run demo [-- --verbose]\n\nTells the main jobs as a story, against a broker of its own. --verbose shows what goes over the wire.\nExit 0 only if every step went as told.\n',
  )
  process.exit(0)
}

// Outside the broker, to see what AWS is asked.
const sts = await startSts()
const broker = new RunningBroker(sts.url)
try {
  await broker.ready()
  await tokenStory(broker)
  await awsStory(broker, sts)
  await loginStory(broker)
  await refreshStory(broker)
  await logoutStory(broker)
  await revocationStory(broker)
} catch (error) {
  process.stdout.write(`✗ ${(error as Error).message}\n`)
  process.exitCode = 1
} finally {
  await broker.stop()
  await sts.close()
}
