import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = new URL('../../../', import.meta.url).pathname
const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: ROOT }).toSorted()]
const USER_PAGES = PAGES.filter((page) => page !== 'CONTRIBUTING.md')
const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')
const withoutCode = (text: string): string => text.replaceAll(/^```[^]*?^```/gm, '')

/** As GitHub makes them of headings. */
function anchors(page: string): Set<string> {
  const headings = withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)
  return new Set(
    [...headings].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test.each(PAGES)('Links of %s lead to pages and headings that exist', (page) => {
  const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map((link) => link[1]!)
  const broken = links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path!)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchors(target).has(anchor)
    })
  expect(broken).toEqual([])
})

test('docs/README.md leads to every page', () => {
  const index = read('docs/README.md')
  const pages = globSync('docs/*.md', { cwd: ROOT }).map((page) => page.slice('docs/'.length))
  expect(pages.filter((page) => page !== 'README.md' && !index.includes(`(${page})`))).toEqual([])
})

test('Every test that a page names as a proof exists', () => {
  const tests = globSync('test/**/*.ts', { cwd: ROOT })
  const named = USER_PAGES.flatMap((page) =>
    [...read(page).matchAll(/`(?:test\/)?([\w/-]+\.test\.ts)`/g)].map((match) => match[1]!),
  )
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((path) => !tests.some((test) => test.endsWith(`/${path}`)))).toEqual([])
})

/** Readers search for the words of the field. */
const DIALECT =
  /\b(anew|mend(s|ed|ing)?|what came of|under way|passed over|gets? on|again and again|of yours|go(es)? on|piled up|worked off|lest|silence on the line|moves over|is no (valid|name)|for so long|so many|sends off|to its end)\b/gi

test.each(USER_PAGES)('%s uses plain technical English', (page) => {
  expect([...withoutCode(read(page)).matchAll(DIALECT)].map(([words]) => words)).toEqual([])
})
