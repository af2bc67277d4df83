/** Every bound of the secrets room, with its unit. The figures are the cloud's. */
export const SECRET_BYTES_MAX = 64 * 1024
export const LABELS_MAX = 64
export const ANNOTATIONS_BYTES_MAX = 16 * 1024
export const SECRETS_MAX = 10_000
export const PAGE_SIZE_DEFAULT = 250
export const PAGE_SIZE_MAX = 25_000
