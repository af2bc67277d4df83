/** Spellings of addresses that must never be reached: for `courier.test.ts`. Generated, so that each rule is met in many forms. */

/** Addresses of each forbidden kind. */
const V4 = ['127.0.0.1', '127.0.0.2', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.254', '100.100.100.200',
  '169.254.169.254', '169.254.170.2', '169.254.0.1', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.168.0.1', '192.168.255.255', '198.18.0.1', '198.19.255.255',
  '224.0.0.1', '239.255.255.250', '240.0.0.1', '255.255.255.255', '168.63.129.16']

const V6 = ['::', '::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001', '::0:1', '::2', 'fe80::1', 'febf::1', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'fdff::1',
  'ff02::1', 'ff0e::1', '100::1', '2001:db8::1', '2001::1', '2001:0:7f00:1::', '2002:7f00:1::', '2002:a9fe:a9fe::', '64:ff9b:1::1', '3fff::1', '4000::1', '5f00::1', '::ffff:0:127.0.0.1']

/** One IPv4 address in the forms that some parser somewhere understands. */
function spellingsOfV4(address: string): string[] {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number]
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const octal = (n: number) => `0${n.toString(8)}`
  const hex = (n: number) => `0x${n.toString(16)}`
  const wide = (digits: string) => [...digits].map((one) => (/\d/.test(one) ? String.fromCodePoint(one.charCodeAt(0) + 0xfee0) : one)).join('')
  const circled = (digits: string) => [...digits].map((one) => (/[1-9]/.test(one) ? String.fromCodePoint(0x2460 + Number(one) - 1) : one === '0' ? '⓪' : one)).join('')
  const mapped = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  return [
    address, `${address}.`, String(whole), hex(whole), `0X${whole.toString(16).toUpperCase()}`, octal(whole),
    [a, b, c, d].map(octal).join('.'), [a, b, c, d].map(hex).join('.'), [a, b, c, d].map((n) => `0000${n.toString(8)}`).join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`, `${a}.${b}.${c * 256 + d}`, `${hex(a)}.${octal(b)}.${c}.${d}`, `${octal(a)}.${hex((b * 256 + c) * 256 + d)}`,
    wide(address), circled(address), address.replaceAll('.', '。'), address.replaceAll('.', '．'), address.replaceAll('.', '%2e'), encodeURIComponent(address).replace(/\d/, (n) => `%3${n}`),
    `user@${address}`, `example.com@${address}`, `example.com:80@${address}`, `example.com%40@${address}`,
    `[::ffff:${address}]`, `[::FFFF:${address}]`, `[0:0:0:0:0:ffff:${address}]`, `[::ffff:${mapped}]`, `[::${address}]`, `[64:ff9b::${address}]`, `[::ffff:0:${address}]`, `[2002:${mapped}::]`,
  ]
}

/** Host parts of URLs; each must be refused, or be no URL at all. */
export const FORBIDDEN_HOSTS: readonly string[] = [
  ...new Set([
    ...V4.flatMap(spellingsOfV4),
    ...V6.flatMap((address) => [`[${address}]`, `[${address.toUpperCase()}]`, `x:y@[${address}]`, `[${address}%25lo]`]),
    'localhost', 'LOCALHOST', 'localhost.', 'LocalHost..', 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', 'localhost%00.example.com', 'localhost\t', 'local\nhost', '127.1', '127.0.1', '0', '0x0', '00', '0x7f.1', '017700000001', '127.0.0.1%00', '127.0.0.1\\@example.com', '127.0.0.1#@example.com',
    '127.0.0.1?@example.com', '//127.0.0.1', '/127.0.0.1', '\\127.0.0.1', '[::1', '::1', '[::1%2525lo]', '1.1.1.1 &@127.0.0.1', '127.0.0.1:80@127.0.0.1',
  ]),
]

/** What is not http at all. */
export const FORBIDDEN_SCHEMES: readonly string[] = ['file:///etc/passwd', 'FILE:///etc/passwd', 'ftp://127.0.0.1/', 'gopher://127.0.0.1:70/_x', 'dict://127.0.0.1:11211/', 'data:text/plain,x',
  'javascript:1', 'unix:/var/run/docker.sock', 'http+unix://%2Fvar%2Frun%2Fdocker.sock/', 'ws://127.0.0.1/', 'jar:http://127.0.0.1!/', 'blob:http://127.0.0.1/x', 'about:blank', '//127.0.0.1/', '127.0.0.1', '', 'http://', 'http:', 'https://?']
