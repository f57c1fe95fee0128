import type { ControlConnection } from '../login/control-connection.ts'
import { text } from '../server-facts.ts'

/** What the account may do, as SHOW GRANTS prints it. */
export class Grants {
  /** Quoted for SQL. */
  readonly account: string
  /** Some privileges may come from roles. */
  readonly hasRoles: boolean
  readonly #global = new Set<string>()
  readonly #anywhere = new Set<string>()
  /** Tables of which the account may see some columns only, as SHOW GRANTS quotes them. */
  readonly #columnsOf = new Set<string>()
  /** Schemas and tables on which it has a privilege as a whole. */
  readonly #whole = new Set<string>()

  constructor(lines: readonly string[], account: string) {
    this.account = account
    let hasRoles = false
    for (const line of lines) {
      const parts = /^GRANT (.+?) ON (?:TABLE |FUNCTION |PROCEDURE )?(\S+|`.*`) TO /i.exec(line)
      if (!parts) {
        hasRoles ||= /^GRANT /i.test(line)
        continue
      }
      for (const privilege of splitPrivileges(parts[1]!)) {
        this.#anywhere.add(privilege)
        if (parts[2] === '*.*') this.#global.add(privilege)
      }
      if (parts[1]!.includes('(')) this.#columnsOf.add(parts[2]!)
      const ofWhole = splitPrivileges(parts[1]!.replaceAll(/[\w ]+\([^)]*\)/g, ''))
      if (ofWhole.some((privilege) => privilege !== '' && privilege !== 'USAGE')) this.#whole.add(parts[2]!)
    }
    this.hasRoles = hasRoles
  }

  /** One of these on `*.*`. */
  hasGlobal(...privileges: readonly string[]): boolean {
    return this.#global.has('ALL PRIVILEGES') || privileges.some((privilege) => this.#global.has(privilege))
  }

  /** INFORMATION_SCHEMA shows every table: what is not in it does not exist. */
  get showsAllTables(): boolean {
    return this.hasGlobal('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  }

  /** INFORMATION_SCHEMA shows only the columns that an account has a privilege on. */
  showsAllColumns({ schema, name }: { readonly schema: string; readonly name: string }): boolean {
    const [inSchema, inTable] = [quoteName(schema), quoteName(name)]
    const table = `${inSchema}.${inTable}`
    if (!this.#columnsOf.has(table)) return true
    const escaped = `${inSchema.replaceAll(/[_%]/g, String.raw`\$&`)}.*`
    return this.showsAllTables || [table, `${inSchema}.*`, escaped].some((place) => this.#whole.has(place))
  }

  /** On some schema or table at least. */
  hasAny(privilege: string): boolean {
    return this.#anywhere.has('ALL PRIVILEGES') || this.#anywhere.has(privilege)
  }
}

export async function readGrants(control: ControlConnection): Promise<Grants> {
  const rows = await control.query('SHOW GRANTS')
  const [who] = await control.query('SELECT CURRENT_USER() AS account')
  const lines = rows.map((row) => String(Object.values(row)[0]))
  return new Grants(lines, quoteAccount(text(who, 'account')))
}

/** A list may hold columns: `SELECT (a, b), INSERT`. */
function splitPrivileges(list: string): string[] {
  return list
    .replaceAll(/\([^)]*\)/g, '')
    .split(',')
    .map((privilege) => privilege.trim().toUpperCase())
}

function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** `user@host` to `'user'@'host'`; the host is what follows the last @. */
function quoteAccount(account: string): string {
  const at = account.lastIndexOf('@')
  const quote = (part: string): string => `'${part.replaceAll("'", "''")}'`
  return `${quote(account.slice(0, at))}@${quote(account.slice(at + 1))}`
}
