/** The variables of a house as the command line shows them. Which there are is the gateway's table to say. */
export { mainVariable, variablesOf, wallarooVariables } from '#gateway/world/variables.ts'
export type { Variable } from '#gateway/world/variables.ts'
