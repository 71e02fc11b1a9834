// What Lambda's own runtime for Node does, as far as a handler can tell: load once, then one event after another from the
// Runtime API.
const path = require('node:path')

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER } = process.env

const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`
const post = (to, value) => fetch(`${api}/${to}`, { method: 'POST', body: JSON.stringify(value ?? null) })
const told = (error) => ({ errorType: error.name, errorMessage: error.message })

async function main() {
  const [file, name] = _HANDLER.split('.')
  let handler
  try {
    handler = require(path.join(LAMBDA_TASK_ROOT, file))[name]
  } catch (error) {
    await post('init/error', told(error))
    process.exit(1)
  }
  for (;;) {
    const next = await fetch(`${api}/invocation/next`)
    const awsRequestId = next.headers.get('lambda-runtime-aws-request-id')
    const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'))
    process.env['_X_AMZN_TRACE_ID'] = next.headers.get('lambda-runtime-trace-id')
    const context = { awsRequestId, functionName: 'test', getRemainingTimeInMillis: () => deadline - Date.now() }
    try {
      await post(`invocation/${awsRequestId}/response`, await handler(await next.json(), context))
    } catch (error) {
      await post(`invocation/${awsRequestId}/error`, told(error))
    }
  }
}

void main()
