import type { Configuration } from '../../lib/trust/configuration.ts'
import { loadFunction } from '../../local/load-function.ts'
import { exchange } from './faulty-world.ts'

// A process that can be killed: the token function over what process.env says, one exchange for each message.
const token = await loadFunction('token', JSON.parse(process.env.TEST_CONFIGURATION ?? '') as Configuration)
process.on('message', (subject_token: string) => {
  void exchange(token, subject_token).then((answer) => process.send!(answer))
})
process.send!('ready')
