/** How the analyzer is told to behave as BigQuery: language features, rewrites, time zone, parameters. */
import type { GoogleSql } from './wasm.ts'
import type { Message } from './proto.ts'
import { protoOfType } from '../sqltype.ts'
import type { SqlType } from '../types.ts'

/** Features of the language that BigQuery has not and that would change the meaning of its texts. */
const FEATURES_OFF = new Set(['FEATURE_SPANNER_LEGACY_DDL'])
/** Not among the released ones of the module, and BigQuery has them. */
const FEATURES_MORE: readonly string[] = [
  'FEATURE_CREATE_TABLE_CLONE', 'FEATURE_ALTER_COLUMN_SET_DATA_TYPE', 'FEATURE_RADIANS_DEGREES_FUNCTIONS', 'FEATURE_CREATE_VIEWS_WITH_COLUMN_OPTIONS', 'FEATURE_CREATE_EXTERNAL_TABLE_WITH_PARTITION_COLUMNS',
  'FEATURE_ALTER_MATERIALIZED_VIEW_ALTER_COLUMN_SET_OPTIONS', 'FEATURE_CREATE_INDEX_PARTITION_BY', 'FEATURE_V_1_4_LIKE_ANY_SOME_ALL_ARRAY', 'FEATURE_V_1_4_LIKE_ANY_SOME_ALL_SUBQUERY', 'FEATURE_V_1_3_COLLATION_SUPPORT',
  'FEATURE_V_1_4_COLLATION_IN_EXPLICIT_CAST', 'FEATURE_NON_SQL_PROCEDURE', 'FEATURE_V_1_4_ENABLE_EDIT_DISTANCE_BYTES',
]
/** The generator has rules of its own, without correlated subqueries. */
const REWRITES_OFF = ['REWRITE_BUILTIN_FUNCTION_INLINER', 'REWRITE_NULLIFERROR_FUNCTION', 'REWRITE_LIKE_ANY_ALL']
/** Off by default, and the generator leans on them. */
const REWRITES_ON = ['REWRITE_PIPE_ASSERT', 'REWRITE_AGGREGATION_THRESHOLD']

export interface Language {
  options: Message
  analyzer: Message
}

export function language(google: GoogleSql): Language {
  const options = google.call('GetLanguageOptions', 'local_service.LanguageOptionsRequest', { maximum_features: true }, 'LanguageOptionsProto')
  options['product_mode'] = 'PRODUCT_EXTERNAL'
  options['supported_statement_kinds'] = []
  options['enabled_language_features'] = (options['enabled_language_features'] as string[]).filter((feature) => !FEATURES_OFF.has(feature))
  options['supported_generic_entity_types'] = []
  for (const feature of FEATURES_MORE) if (google.protos.enumValues('LanguageFeature').has(feature)) options['enabled_language_features'].push(feature)
  const defaults = google.call('GetAnalyzerOptions', 'local_service.AnalyzerOptionsRequest', {}, 'AnalyzerOptionsProto')
  const rewrites = new Set(defaults['enabled_rewrites'] as string[])
  for (const each of REWRITES_OFF) rewrites.delete(each)
  for (const each of REWRITES_ON) if (google.protos.enumValues('ResolvedASTRewrite').has(each)) rewrites.add(each)
  return {
    options,
    analyzer: {
      ...defaults,
      language_options: options,
      default_timezone: 'UTC',
      error_message_mode: 'ERROR_MESSAGE_ONE_LINE',
      prune_unused_columns: true,
      enabled_rewrites: [...rewrites],
      parse_location_record_type: 'PARSE_LOCATION_RECORD_FULL_NODE_SCOPE',
      preserve_column_aliases: true,
    },
  }
}

export interface AnalyzeSettings {
  named?: Readonly<Record<string, SqlType>>
  positional?: readonly SqlType[]
  systemVariables?: Readonly<Record<string, SqlType>>
  undeclared?: boolean
  pseudoColumns?: readonly { name: string; type: SqlType }[]
}

export function analyzerOptions(base: Language, settings: AnalyzeSettings): Message {
  const options: Message = { ...base.analyzer }
  if (settings.named) {
    options['parameter_mode'] = 'PARAMETER_NAMED'
    options['query_parameters'] = Object.entries(settings.named).map(([name, type]) => ({ name, type: protoOfType(type) }))
  }
  if (settings.positional) {
    options['parameter_mode'] = 'PARAMETER_POSITIONAL'
    options['positional_query_parameters'] = settings.positional.map(protoOfType)
  }
  if (settings.undeclared) options['allow_undeclared_parameters'] = true
  if (settings.systemVariables) {
    options['system_variables'] = Object.entries(settings.systemVariables).map(([name, type]) => ({ name_path: name.split('.'), type: protoOfType(type) }))
  }
  if (settings.pseudoColumns) options['ddl_pseudo_columns'] = settings.pseudoColumns.map(({ name, type }) => ({ name, type: protoOfType(type) }))
  return options
}
