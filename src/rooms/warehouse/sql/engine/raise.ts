/** gs_error(text): raises, and fits any type, as DuckDB's error() does; but TRY may hold it, because it is not volatile. */
import { DuckDBDataChunk, DuckDBScalarFunction, SQLNULL, VARCHAR } from '@duckdb/node-api'
import bindings from '@duckdb/node-bindings'

export function raiseFunction(): DuckDBScalarFunction {
  const made = DuckDBScalarFunction.create({ name: 'gs_error', parameterTypes: [VARCHAR], returnType: SQLNULL, mainFunction: () => {} })
  // The API's own wrapper makes an output vector first, and there is none for the type NULL.
  bindings.scalar_function_set_function(made.scalar_function, (info, input) => {
    bindings.scalar_function_set_error(info, String(new DuckDBDataChunk(input).getColumnVector(0).getItem(0)))
  })
  return made
}
