/** `shop.users`; a gap has no table, and of a statement the tables may be unknown. */
export function printTable(schema: string, table: string): string {
  if (table !== '') return `${schema}.${table}`
  return schema === '' ? '(no table)' : `${schema}.(unknown)`
}
