const MOST_TABLES = 200
const LONGEST = 500

/** The last statement that changed each table: what a rule that begins to fail wants to know. */
export class DdlNotes {
  private readonly byTable = new Map<string, string>()

  note(schema: string, table: string, sql: string): void {
    const name = `${schema}.${table}`
    this.byTable.delete(name)
    this.byTable.set(name, sql.length > LONGEST ? `${sql.slice(0, LONGEST).toWellFormed()}…` : sql)
    if (this.byTable.size > MOST_TABLES) this.byTable.delete(this.byTable.keys().next().value!)
  }

  before(schema: string, table: string): string | null {
    return this.byTable.get(`${schema}.${table}`) ?? null
  }
}
