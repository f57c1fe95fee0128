import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { ed25519PublicKey, signScramble } from '../../../../../../src/sources/mysql/server/login/ed25519-plugin.ts'

/** SubjectPublicKeyInfo of an Ed25519 key, up to the key itself (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

test('the key of a password is the one that MariaDB stores (the example of its manual)', () => {
  expect(ed25519PublicKey('secret').toString('base64')).toBe('ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY=')
})

test.each(['secret', '', 'a password that is longer than the thirty-two bytes of a seed', 'pässwörd'])(
  'a scramble signed with "%s" is verified by OpenSSL with the key of that password',
  (password) => {
    const key = createPublicKey({
      key: Buffer.concat([SPKI, ed25519PublicKey(password)]),
      format: 'der',
      type: 'spki',
    })
    for (let i = 0; i < 20; i++) {
      const scramble = randomBytes(32)
      expect(verify(null, scramble, key, signScramble(password, scramble))).toBe(true)
    }
  },
)
