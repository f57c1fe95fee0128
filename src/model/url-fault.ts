/** The largest port of TCP. */
const MOST = 65_535

/**
 * What is wrong with an address that cannot be read, in words that follow "the address is not valid: ". Nothing of the
 * address is repeated but its scheme: anything else may be part of a password.
 */
export function urlFault(text: string): string {
  if (text.trim() === '') return 'it is empty'
  if (/\s/.test(text.trim())) return 'there is a space in it'
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text.trim())?.[0]
  if (scheme === undefined) return 'it does not begin with a scheme and //'
  const rest = text.trim().slice(scheme.length)
  const authority = /^[^/?#]*/.exec(rest)![0]
  if (!authority.includes('@') && rest.includes('@')) {
    return 'there is a /, ? or # before the @: write them in user or password as %2F, %3F, %23'
  }
  const hosts = authority.slice(authority.lastIndexOf('@') + 1).split(',')
  const faults = hosts.map((each) => hostFault(each)).filter((fault) => fault !== undefined)
  return faults[0] ?? (rest.includes('#') ? 'there is a # in it: write it in a password as %23' : 'its form is wrong')
}

function hostFault(text: string): string | undefined {
  const host = text.startsWith('[') ? text.slice(0, text.indexOf(']') + 1) : text.replace(/:[^:]*$/, '')
  if (host === '') return text.startsWith('[') ? 'the bracket of the IPv6 address is not closed' : 'the host is missing'
  if (!host.startsWith('[') && host.includes(':')) {
    return 'the host has several colons: write an IPv6 address in brackets, as [::1]:3306'
  }
  const port = text.slice(host.length)
  if (port !== '' && !/^:\d+$/.test(port)) return 'the port is not a number'
  if (port !== '' && (Number(port.slice(1)) < 1 || Number(port.slice(1)) > MOST)) {
    return `the port is not between 1 and ${MOST}`
  }
  return URL.canParse(`http://${host}/`) ? undefined : 'the host is malformed'
}
