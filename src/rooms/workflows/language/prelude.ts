/** The parts of the library that are best said in the language itself. */
import { checkProgram } from './check.ts'
import type { ConnectorNames, Program } from './program.ts'

const RUN = 'googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run'

const SOURCE = `
main: [{done: {return: null}}]
experimental.executions.run:
  params: [workflow_id, project_id: null, location: null, argument: null, connector_params: null]
  steps:
    - run:
        call: ${RUN}
        args:
          workflow_id: \${workflow_id}
          project_id: \${project_id}
          location: \${location}
          argument: \${argument}
          connector_params: \${connector_params}
        result: result
    - done:
        return: \${result}
experimental.executions.map:
  params: [workflow_id, arguments, project_id: null, location: null]
  steps:
    - init:
        assign:
          - results: []
    - places:
        for:
          value: argument
          in: \${arguments}
          steps:
            - place:
                assign:
                  - results: \${list.concat(results, null)}
    - all:
        parallel:
          shared: [results]
          for:
            value: argument
            index: i
            in: \${arguments}
            steps:
              - run:
                  call: ${RUN}
                  args:
                    workflow_id: \${workflow_id}
                    project_id: \${project_id}
                    location: \${location}
                    argument: \${argument}
                  result: result
              - keep:
                  assign:
                    - results[i]: \${result}
    - done:
        return: \${results}
`

export const preludeProgram = (connectors: ConnectorNames): Program => checkProgram(SOURCE, connectors)
