import type { Value } from '../row.ts'

/** Where in JSON a decimal string stands for an integer that a number cannot hold. */
export type BigintPath = readonly string[]

export function bigintPaths(value: Value, path: BigintPath = []): readonly BigintPath[] {
  if (typeof value === 'bigint') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => bigintPaths(each as Value, [...path, name]))
}

/** The value with these integers exact again; everything else is the same. */
export function withBigints(value: Value, paths: readonly BigintPath[]): Value {
  if (paths.length === 0) return value
  if (paths.some((path) => path.length === 0)) {
    return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value
  }
  if (typeof value !== 'object' || value === null) return value
  const inner = (name: string): readonly BigintPath[] =>
    paths.filter(([first]) => first === name).map((path) => path.slice(1))
  if (Array.isArray(value)) return value.map((each: Value, i) => withBigints(each, inner(String(i))))
  const map = Object.create(null) as { [name: string]: Value }
  for (const [name, each] of Object.entries(value)) map[name] = withBigints(each as Value, inner(name))
  return map
}
