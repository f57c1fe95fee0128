export type SqlDialect = 'sqlite' | 'mysql' | 'postgres'

/** `?, ?, ?` */
export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ')
}
