/** Hash functions and compression. Encryption (AEAD, KEYS) is not answered. */
import type { Rules } from '../calls.ts'

const ofBytes = (text: string, kind: string | undefined) => (kind === 'STRING' ? `encode(${text})` : text)

export const hashes: Rules = {
  md5: (call) => `unhex(md5(${call.args[0]}))`,
  sha1: (call) => `unhex(sha1(${call.args[0]}))`,
  sha256: (call) => `unhex(sha256(${call.args[0]}))`,
  sha512: (call) => `gs_sha512(${ofBytes(call.args[0]!, call.types[0]?.kind)})`,
  farm_fingerprint: (call) => `gs_farm_fingerprint(${ofBytes(call.args[0]!, call.types[0]?.kind)})`,
  zstd_compress: (call) => `gs_zstd_compress(${ofBytes(call.args[0]!, call.types[0]?.kind)}, ${call.args[1] ?? '3'})`,
  zstd_decompress_to_bytes: (call) => `gs_zstd_decompress(${call.args[0]})`,
  zstd_decompress_to_string: (call) => `decode(gs_zstd_decompress(${call.args[0]}))`,
  'hll_count.extract': 'gs_hll_extract($1)',
  'kll_quantiles.extract_int64': 'CAST(gs_kll_quantiles($1, $2) AS BIGINT[])',
  'kll_quantiles.extract_float64': 'gs_kll_quantiles($1, $2)',
  'kll_quantiles.extract_point_int64': 'CAST(gs_kll_point($1, CAST($2 AS DOUBLE)) AS BIGINT)',
  'kll_quantiles.extract_point_float64': 'gs_kll_point($1, CAST($2 AS DOUBLE))',
}
