import type { ClientBase, QueryResult, QueryResultRow } from 'pg'

/** No prepared statement of that name; one is there already. Nothing was run. */
const NAME_REFUSED = new Set(['26000', '42P05'])

/**
 * Statements that connections of pg plan once and keep under a name. To be used outside of transactions only, which a
 * refused name would end.
 */
export class NamedStatements {
  /** A pooler that shares connections between its clients may not know them: PgBouncer before 1.21. */
  #areRefused = false

  async query<R extends QueryResultRow>(
    client: Pick<ClientBase, 'query'>,
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<QueryResult<R>> {
    if (this.#areRefused) return client.query<R>(text, [...values])
    try {
      return await client.query<R>({ name, text, values: [...values] })
    } catch (error) {
      if (!NAME_REFUSED.has(String((error as { readonly code?: unknown }).code))) throw error
      this.#areRefused = true
      return client.query<R>(text, [...values])
    }
  }
}
