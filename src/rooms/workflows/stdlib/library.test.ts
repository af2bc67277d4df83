import { describe, expect, it } from 'vitest'
import { evaluate, run, tagOf } from '../runner/quick.ts'

describe('the standard library answers as documented', () => {
  it.each([
    ['int(2.7)', 2], ['int("42")', 42], ['double("2.5")', 2.5], ['keys({"b": 1, "a": 2})', ['b', 'a']], ['len("héé")', 3], ['len([1, 2])', 2], ['len({"a": 1})', 1],
    ['get_type(text.encode("x"))', 'bytes'],
    ['base64.encode(text.encode("hi?"))', 'aGk/'], ['base64.encode(text.encode("h"), false)', 'aA'], ['text.decode(base64.decode("aGk/"))', 'hi?'], ['text.decode(base64.decode("aA", false))', 'h'],
    ['base64.encode(hash.compute_checksum(text.encode("abc"), "MD5"))', 'kAFQmDzST7DWlj99KOF/cg=='],
    ['base64.encode(hash.compute_hmac(text.encode("key"), text.encode("The quick brown fox jumps over the lazy dog"), "SHA256"))', '97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg='],
    ['json.decode("{\\"a\\": [1, null]}")', { a: [1, null] }], ['text.decode(json.encode({"a": 1}))', '{"a":1}'], ['json.encode_to_string([1], true)', '[\n  1\n]'],
    ['json.encode_to_string({"a": 1}, {"prefix": ">", "indent": "\\t"})', '{\n>\t"a": 1\n>}'],
    ['list.concat([1], [2])', [1, [2]]], ['list.prepend([1], 0)', [0, 1]],
    ['map.get({"a": {"b": 1}}, ["a", "b"])', 1], ['map.get({"a": 1}, "x")', null], ['map.get("no map", "x")', null], ['map.delete({"a": 1, "b": 2}, "a")', { b: 2 }],
    ['map.merge({"a": {"x": 1}}, {"a": {"y": 2}})', { a: { y: 2 } }], ['map.merge_nested({"a": {"x": 1}}, {"a": {"y": 2}})', { a: { x: 1, y: 2 } }],
    ['math.abs(-3)', 3], ['math.max(1, 2.5)', 2.5], ['math.min(1, 2)', 1], ['math.floor(-1.5)', -2],
    ['text.find_all("abcab", "ab")', [0, 3]], ['text.find_all_regex("aab ab", "a+b")', [{ index: 0, match: 'aab' }, { index: 4, match: 'ab' }]], ['text.find_all_regex("ab", "a|ab")', [{ index: 0, match: 'ab' }]],
    ['text.match_regex("abc123", "[0-9]+")', true], ['text.match_regex("abc", "^[0-9]+$")', false], ['text.replace_all("a.b.c", ".", "-")', 'a-b-c'],
    ['text.replace_all_regex("John Smith", "(\\\\w+) (\\\\w+)", "\\\\2, \\\\1")', 'Smith, John'],
    ['text.split("a,b,", ",")', ['a', 'b', '']], ['text.substring("hello", 1, 3)', 'el'], ['text.to_lower("ÀB")', 'àb'], ['text.to_upper("àb")', 'ÀB'],
    ['text.url_encode("a b/c?é")', 'a%20b%2Fc%3F%C3%A9'], ['text.url_encode_plus("a b/c")', 'a+b%2Fc'], ['text.url_decode("a%20b+c")', 'a b c'],
    ['time.format(0)', '1970-01-01T00:00:00Z'], ['time.format(1606093923.5)', '2020-11-23T01:12:03.5Z'], ['time.format(1606093923, "America/New_York")', '2020-11-22T20:12:03-05:00'],
    ['time.parse("2020-11-23T01:12:03Z")', 1606093923], ['time.parse("2020-11-22T20:12:03.25-05:00")', 1606093923.25], ['time.format(time.parse("1999-12-31T23:59:59Z"))', '1999-12-31T23:59:59Z'],
    ['len(uuid.generate())', 36], ['get_type(sys.now())', 'double'], ['sys.get_env("GOOGLE_CLOUD_LOCATION")', 'us-central1'], ['sys.get_env("NOPE", "d")', 'd'], ['sys.get_env("NOPE")', null],
  ])('%s', async (expression, expected) => {
    expect(await evaluate(expression)).toEqual(expected)
  })

  it.each([
    ['base64.decode("***")', 'ValueError'], ['hash.compute_checksum(text.encode("a"), "MD4")', 'ValueError'], ['json.decode("{")', 'ValueError'], ['text.match_regex("a", "(")', 'ValueError'],
    ['text.match_regex("a", "a(?=b)")', 'ValueError'], ['text.substring("abc", 2, 9)', 'IndexError'], ['keys([1])', 'TypeError'], ['len(1)', 'TypeError'], ['list.concat(1, 2)', 'TypeError'],
    ['time.parse("yesterday")', 'ValueError'], ['time.format(0, "Nowhere/Land")', 'ValueError'], ['text.decode(base64.decode("/w=="))', 'ValueError'], ['math.abs("x")', 'TypeError'], ['text.to_lower(1)', 'TypeError'],
  ])('%s raises %s', async (expression, tag) => {
    expect(await tagOf(expression)).toBe(tag)
  })

  it('every function may be a call step, with its arguments by name', async () => {
    const { result } = await run(`
- a:
    call: text.replace_all_regex
    args: {source: "x1y2", regexp: "[0-9]", repl: "-"}
    result: t
- b:
    call: sys.get_env
    args: {name: GOOGLE_CLOUD_PROJECT_ID}
    result: p
- r:
    return: ['\${t}', '\${p}']
`)
    expect(result).toEqual(['x-y-', 'test-project'])
  })

  it('sys.log keeps what it was given, with its severity', async () => {
    const { logs } = await run('- a:\n    call: sys.log\n    args: {text: hello, severity: WARNING}\n- b:\n    call: sys.log\n    args:\n      data: {"k": 1}\n')
    expect(logs.map(({ severity, payload, step }) => ({ severity, payload, step }))).toEqual([
      { severity: 'WARNING', payload: 'hello', step: 'a' },
      { severity: 'DEFAULT', payload: { k: 1 }, step: 'b' },
    ])
  })
})
