import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { charsetOfCollation } from '../../src/sources/mysql/binlog/charset/collations.ts'
import { type Charset, decoderOfCharset } from '../../src/sources/mysql/binlog/charset/charsets.ts'
import { readRows, type SqlServer } from '../support/binlog-rows.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

const BATCH = 5000
/** What the server's conversion gives for a byte that its table has no character for. */
const NO_CHARACTER = '?'

const servers = [
  { title: 'MySQL', start: () => startMysql({}) },
  { title: 'MariaDB 10.11', start: () => startMariadb({ version: '10.11' }) },
  { title: 'MariaDB 11.8', start: () => startMariadb({ version: '11.8' }) },
]

/** Codes of one byte, of two that begin with 128 or more, and of three that begin with EUC-JP's 0x8F. */
function codes(): string[] {
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0')
  const list: string[] = []
  for (let first = 0; first < 256; first++) {
    list.push(hex(first))
    if (first < 0x80) continue
    for (let second = 0x40; second < 0xff; second++) if (second !== 0x7f) list.push(hex(first) + hex(second))
  }
  for (let row = 0xa1; row < 0xff; row++)
    for (let cell = 0xa1; cell < 0xff; cell++) list.push(`8f${hex(row)}${hex(cell)}`)
  return list
}

describe.each(servers)('Texts on $title', ({ start }) => {
  let server: SqlServer
  let charsets: { name: Charset; longest: number }[]

  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.codes (code VARBINARY(4) PRIMARY KEY)')
    const all = codes()
    for (let i = 0; i < all.length; i += BATCH) {
      const values = all.slice(i, i + BATCH).map((code) => `(x'${code}')`)
      await server.query(`INSERT INTO shop.codes VALUES ${values.join(',')}`)
    }
    const rows = await server.query(
      "SELECT CHARACTER_SET_NAME AS name, MAXLEN AS longest FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME <> 'binary'",
    )
    charsets = rows as unknown as typeof charsets
  })
  afterAll(() => server.stop())

  it('are decoded by the character set of every collation id that the server has', async () => {
    const source =
      server.flavour === 'mysql'
        ? 'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATIONS'
        : 'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IS NOT NULL'
    const rows = (await server.query(source)) as unknown as { id: number; charset: string }[]
    expect(rows.length).toBeGreaterThan(200)
    const wrong = rows.filter(({ id, charset }) => charsetOfCollation(Number(id)) !== charset)
    expect(wrong).toEqual([])
  })

  it('come out as the server converts them, code by code', async () => {
    const differences: string[] = []
    for (const { name, longest } of charsets) {
      if (/utf|ucs/.test(name)) continue
      const decode = decoderOfCharset(name)
      const rows = await server.query(
        `SELECT HEX(code) AS code, CONVERT(CONVERT(code USING ${name}) USING utf8mb4) AS text
         FROM shop.codes WHERE LENGTH(code) <= ${longest}`,
      )
      for (const { code, text } of rows as unknown as { code: string; text: string | null }[]) {
        if (!isOneCharacter(code, text)) continue
        const bytes = Buffer.from(code, 'hex')
        const ours = decode(bytes, 0, bytes.length)
        if (ours !== text) differences.push(`${name} ${code}: ${text} but ours is ${ours}`)
      }
    }
    expect(differences).toEqual([])
  })

  it('come out of columns of every character set', async () => {
    const texts: { [charset: string]: string } = {
      cp1251: 'Привет, мир',
      koi8r: 'Привет',
      greek: 'Γειά σου',
      hebrew: 'שלום',
      latin1: 'Grüße € “x”',
      latin2: 'Zażółć gęślą',
      sjis: 'こんにちは〜',
      ujis: '日本語のテキスト',
      gbk: '你好，世界',
      big5: '你好世界',
      euckr: '안녕하세요',
      utf16: '😀 grüße',
      utf32: '😀 日本',
      ucs2: 'ÿ日本',
      utf16le: '😀 x',
      utf8mb3: '日本 ü',
      utf8mb4: '😀 日本 ü',
      tis620: 'สวัสดี',
      gb18030: '你好😀',
    }
    const known = charsets.filter(({ name }) => texts[name] !== undefined).map(({ name }) => name)
    const columns = known.map(
      (name) => `${name} VARCHAR(60) CHARACTER SET ${name}, ${name}_text TEXT CHARACTER SET ${name}`,
    )
    await server.query(`CREATE TABLE shop.every (id INT PRIMARY KEY, ${columns.join(', ')})`)
    const values = known.flatMap((name) => [texts[name]!, texts[name]!.repeat(30)])
    await server.query(`INSERT INTO shop.every VALUES (1, ${values.map(() => '?').join(', ')})`, values)
    const [row] = await readRows(server, 'every')
    for (const name of known) {
      expect(row![name], name).toBe(texts[name])
      expect(row![`${name}_text`], name).toBe(texts[name]!.repeat(30))
    }
  })
})

/** A code that the server takes for one character, and not for the end of one and the beginning of another. */
function isOneCharacter(code: string, text: string | null): text is string {
  if (text === null || Array.from(text).length !== 1 || text === '\uFFFD') return false
  return text !== NO_CHARACTER || code === '3F'
}
