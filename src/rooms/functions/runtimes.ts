/** The runtimes that a deployment may name. What really runs them is whatever the machine has of that language. */

export const RUNTIMES = [...[9, 10, 11, 12, 13].map((minor) => `python3${minor}`), ...[18, 20, 22, 24].map((major) => `nodejs${major}`)]

export function runtimeResource(name: string, environment: 'GEN_1' | 'GEN_2') {
  const python = /^python3(\d+)$/.exec(name)?.[1]
  return { name, displayName: python === undefined ? `Node.js ${name.slice('nodejs'.length)}` : `Python 3.${python}`, stage: 'GA', environment }
}
