import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  distributionSource,
  parseDeb822Sources,
  parseOneLineSources,
  readAptSources,
} from '../../../src/demo/servers/apt-sources.ts'

describe('apt sources', () => {
  it('reads the one-line format with its options, and leaves out comments and source packages', () => {
    const text = [
      '# deb http://old.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/keys/a.gpg] http://mirror.example/debian bookworm main contrib # ours',
      'deb-src http://mirror.example/debian bookworm main',
      'deb [trusted=yes] file:/srv/mirror trixie main',
      '',
    ].join('\n')
    expect(parseOneLineSources(text)).toEqual([
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: '/keys/a.gpg',
        trusted: false,
      },
      { uris: ['file:/srv/mirror'], suites: ['trixie'], components: ['main'], signedBy: undefined, trusted: true },
    ])
  })

  it('reads the deb822 format with continuation lines, comments inside a paragraph and several suites', () => {
    const text = `Types: deb deb-src
# the mirror in the cellar
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /keys/a.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
`
    expect(parseDeb822Sources(text)).toEqual([
      {
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm', 'bookworm-updates'],
        components: ['main'],
        signedBy: '/keys/a.gpg',
        trusted: false,
      },
      {
        uris: ['http://mirror.example/security'],
        suites: ['bookworm-security'],
        components: ['main'],
        signedBy: undefined,
        trusted: false,
      },
    ])
  })

  it('leaves out deb822 paragraphs that are switched off or carry no binary packages', () => {
    const off = 'Types: deb\nEnabled: no\nURIs: http://a.example\nSuites: sid\nComponents: main\n'
    const sourcesOnly = 'Types: deb-src\nURIs: http://b.example\nSuites: sid\nComponents: main\n'
    expect(parseDeb822Sources(`${off}\n${sourcesOnly}`)).toEqual([])
  })

  it('picks the source with the main packages of the release, not an extra repository or an update suite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-apt-'))
    try {
      await mkdir(join(folder, 'sources.list.d'))
      await writeFile(join(folder, 'sources.list.d', 'a.list'), 'deb http://extra.example bookworm tools\n')
      await writeFile(
        join(folder, 'sources.list.d', 'debian.sources'),
        'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n',
      )
      const sources = await readAptSources(folder)
      expect(sources).toHaveLength(2)
      expect(distributionSource(sources, 'bookworm')?.uris).toEqual(['http://mirror.example/debian'])
      expect(distributionSource(sources, 'trixie')).toBeUndefined()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('finds no sources on a machine without apt', async () => {
    expect(await readAptSources('/nonexistent')).toEqual([])
  })
})
