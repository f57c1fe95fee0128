import { describe, expect, it } from 'vitest'
import { BingoError } from '../../../../../src/model/errors.ts'
import { parseSourceUrl, printAddress } from '../../../../../src/sources/mysql/source-address.ts'
import { NoServerFound, ServerSearch } from '../../../../../src/sources/mysql/server/server-search.ts'

const signal = new AbortController().signal
const address = parseSourceUrl('mysql://bingo:secret@one:3306')
const hosts = [
  { host: 'one', port: 3306 },
  { host: 'two', port: 3307 },
  { host: 'three', port: 3306 },
]

const away = () => new BingoError('BINGO_SOURCE_UNREACHABLE', 'cannot be reached', { retryable: true })
const purged = () => new BingoError('BINGO_SOURCE_GAP', 'purged', { hint: 'decide' })
const foreign = () => new BingoError('BINGO_CHECKPOINT_FOREIGN', 'another server')

/** Asks as told by host; answers where it ended up and whom it asked. */
async function ask(search: ServerSearch, answers: Record<string, BingoError | null>) {
  const asked: string[] = []
  const found = await search
    .find(async ({ host }) => {
      asked.push(host)
      const error = answers[host]
      if (error) throw error
      return host
    }, signal)
    .catch((error: unknown) => error as BingoError)
  return { asked, found }
}

describe('the search for a server', () => {
  it('uses the first as written, and stays with it', async () => {
    const search = new ServerSearch(address, hosts)
    expect(await ask(search, {})).toEqual({ asked: ['one'], found: 'one' })
    expect(await ask(search, { one: away() })).toEqual({ asked: ['one', 'two'], found: 'two' })
    expect(await ask(search, {})).toEqual({ asked: ['two'], found: 'two' })
    expect(printAddress(search.current)).toBe('two:3307')
    expect(await ask(search, { two: away() })).toEqual({ asked: ['two', 'one'], found: 'one' })
  })

  it('keeps user and password, and leaves a socket aside', () => {
    const { current } = new ServerSearch({ ...address, socketPath: '/run/mysqld.sock' }, hosts)
    expect(current).toMatchObject({ host: 'one', user: 'bingo', password: 'secret', socketPath: undefined })
  })

  it('passes on the error of the one server there is', async () => {
    const error = purged()
    expect((await ask(new ServerSearch(address, []), { one: error })).found).toBe(error)
  })

  it('is retryable while one server is only unavailable, and reports the answer of each', async () => {
    const { found } = await ask(new ServerSearch(address, hosts), { one: purged(), two: away(), three: foreign() })
    expect(found).toBeInstanceOf(NoServerFound)
    const error = found as NoServerFound
    expect(error).toMatchObject({ code: 'BINGO_SOURCE_UNREACHABLE', retryable: true })
    expect(error.gap?.code).toBe('BINGO_SOURCE_GAP')
    for (const line of ['one:3306: BINGO_SOURCE_GAP', 'two:3307: BINGO_SOURCE_UNREACHABLE', 'three:3306']) {
      expect(error.message).toContain(line)
    }
  })

  it('is a gap when all have answered and one of them has lost the changes', async () => {
    const { found } = await ask(new ServerSearch(address, hosts), { one: foreign(), two: purged(), three: purged() })
    expect(found).toMatchObject({ code: 'BINGO_SOURCE_GAP', retryable: false, hint: 'decide' })
  })

  it('leaves out for one round a server whose stream was refused for good', async () => {
    const search = new ServerSearch(address, hosts)
    await ask(search, {})
    expect(search.giveUp(purged())).toBe(true)
    expect((await ask(search, { two: away(), three: away() })).asked).toEqual(['two', 'three'])
    expect((await ask(search, { two: away(), three: away() })).asked).toEqual(['one'])
  })

  it('gives up no server for what any of them would send, or for a second replica of our name', () => {
    const search = new ServerSearch(address, hosts)
    for (const code of ['BINGO_STATEMENT_FORMAT', 'BINGO_SCHEMA_UNKNOWN', 'BINGO_SOURCE_DUPLICATE_ID']) {
      expect(search.giveUp(new BingoError(code, ''))).toBe(false)
    }
    expect(new ServerSearch(address, []).giveUp(purged())).toBe(false)
  })
})
