/** A project's number. Clients treat it as opaque; ours follows from the project's id, so that every room gives the same. */
export function projectNumber(project: string): string {
  if (/^\d+$/.test(project)) return project
  let hash = 0xcbf29ce484222325n // FNV-1a
  for (const byte of Buffer.from(project)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return String(100_000_000_000n + (hash % 900_000_000_000n))
}
