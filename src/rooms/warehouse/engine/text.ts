/** Texts inside DuckDB's quotes. */

export const escaped = (text: string): string => text.replaceAll("'", "''")
