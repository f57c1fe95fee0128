import { expect, test } from 'vitest'
import { urlFault } from '../../../src/model/url-fault.ts'

test.each([
  ['', 'it is empty'],
  ['mysql://u:p@a b', 'there is a space in it'],
  ['db:3306', 'it does not begin with a scheme and //'],
  ['redis:/x', 'it does not begin with a scheme and //'],
  ['mysql://u:p?q@h', 'there is a /, ? or # before the @: write them in user or password as %2F, %3F, %23'],
  ['mysql://u:p@', 'the host is missing'],
  ['mysql://u:p@:3306', 'the host is missing'],
  ['nats://a,,b', 'the host is missing'],
  ['mysql://u:p@[::1:3306', 'the bracket of the IPv6 address is not closed'],
  ['mysql://u:p@::1', 'the host has several colons: write an IPv6 address in brackets, as [::1]:3306'],
  ['kafka://a:9092,b:x', 'the port is not a number'],
  ['kafka://a:9092,b:0', 'the port is not between 1 and 65535'],
  ['kafka://a:9092,b:65536', 'the port is not between 1 and 65535'],
  ['http://a<b', 'the host is malformed'],
  ['mysql://u:p@h/#', 'there is a # in it: write it in a password as %23'],
])('what is wrong with %j is said: %s', (text, fault) => {
  expect(urlFault(text)).toBe(fault)
})
