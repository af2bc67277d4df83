/** The doors as the public clients use them: Node over gRPC, and Python over REST and gRPC where it is installed (POTOROO_PYTHON names one). */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { credentials } from '@grpc/grpc-js'
import { ExecutionsClient } from '@google-cloud/workflows'
import { describe, expect, onTestFinished, test } from 'vitest'
import { houseHere } from '../../../tests/support/house.ts'

const house = await houseHere()
const { hostname, port } = new URL(house.url)
const parent = 'projects/contract/locations/us-central1'
const source = (add: number) => `main:\n  params: [a]\n  steps:\n    - r: {return: "\${a.x + ${add}}"}\n`

async function deploy(id: string, sourceContents: string): Promise<{ name: string; revisionId: string }> {
  const answer = await fetch(`${house.url}/v1/${parent}/workflows?workflowId=${id}`, { method: 'POST', body: JSON.stringify({ sourceContents }) })
  return ((await answer.json()) as { response: { name: string; revisionId: string } }).response
}

describe('the Node client', () => {
  // gRPC as it is by default; over HTTP it insists on credentials, which an open house does not ask for.
  const options = { apiEndpoint: hostname, port: Number(port), sslCreds: credentials.createInsecure(), projectId: 'contract' }

  test('runs, looks, lists and cancels over gRPC', async () => {
    const executions = new ExecutionsClient(options)
    onTestFinished(() => executions.close())
    const workflow = await deploy('node', source(2))

    const [started] = await executions.createExecution({ parent: workflow.name, execution: { argument: '{"x": 40}' } })
    let ended = started
    while (ended.state === 'ACTIVE') [ended] = await executions.getExecution({ name: started.name! })
    expect(ended).toMatchObject({ state: 'SUCCEEDED', result: '42', workflowRevisionId: workflow.revisionId })

    const [failing] = await executions.createExecution({ parent: workflow.name })
    let failed = failing
    while (failed.state === 'ACTIVE') [failed] = await executions.getExecution({ name: failing.name! })
    expect(failed.error).toMatchObject({ payload: expect.stringContaining('TypeError'), stackTrace: { elements: [{ step: 'r', routine: 'main', position: { line: '4' } }] } })
    const [listed] = await executions.listExecutions({ parent: workflow.name, filter: 'state="FAILED"' })
    expect(listed.map(({ name }) => name)).toEqual([failed.name])
    await expect(executions.cancelExecution({ name: failed.name! })).rejects.toMatchObject({ code: 9 })
    await expect(executions.getExecution({ name: `${workflow.name}/executions/none` })).rejects.toMatchObject({ code: 5 })
  })
})

const python = process.env['POTOROO_PYTHON'] ?? 'python3'
const hasClient = spawnSync(python, ['-c', 'import google.cloud.workflows.executions_v1, google.cloud.workflows_v1']).status === 0

const PROGRAM = `
import grpc, json, sys, time
from google.auth.credentials import AnonymousCredentials
from google.cloud import workflows_v1
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports.grpc import ExecutionsGrpcTransport
host, parent = sys.argv[1:]
workflows = workflows_v1.WorkflowsClient(transport='rest', credentials=AnonymousCredentials(), client_options={'api_endpoint': 'http://' + host})
source = 'main:\\n  params: [a]\\n  steps:\\n    - r: {return: "\${a.x + 2}"}\\n'
workflow = workflows.create_workflow(parent=parent, workflow_id='python', workflow={'source_contents': source}).result()
executions = executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=grpc.insecure_channel(host)))
execution = executions.create_execution(parent=workflow.name, execution={'argument': json.dumps({'x': 40})})
while execution.state == executions_v1.Execution.State.ACTIVE:
    time.sleep(0.02)
    execution = executions.get_execution(request={'name': execution.name})
workflows.delete_workflow(name=workflow.name).result()
print(execution.state.name, execution.result)
`

describe('the Python clients', () => {
  test.skipIf(!hasClient)(`deploy over REST and run over gRPC${hasClient ? '' : ' (skipped: google-cloud-workflows is not installed; POTOROO_PYTHON names a Python that has it)'}`, async () => {
    // The house answers in this very process, which therefore must not stand still meanwhile.
    const { stdout } = await promisify(execFile)(python, ['-c', PROGRAM, `${hostname}:${port}`, parent], { encoding: 'utf8', timeout: 60_000 })
    expect(stdout.trim()).toBe('SUCCEEDED 42')
  })
})
