import { describe, expect, test } from 'vitest';
import { ProxyRefusals } from '../../src/http/proxy-refusals.ts';
import { environmentProxy, leadsThrough } from '../../src/http/proxy-rules.ts';

const proxy = 'http://proxy.example:3128';

describe('NO_PROXY', () => {
  test.each([
    ['', 'https://a.example/', true],
    ['a.example', 'https://a.example/', false],
    ['A.Example', 'https://a.example/', false],
    ['a.example', 'https://x.a.example/', false],
    ['.a.example', 'https://x.a.example/', false],
    ['.a.example', 'https://a.example/', false],
    ['*.a.example', 'https://x.a.example/', false],
    ['a.example', 'https://not-a.example/', true],
    ['a.example', 'https://a.example.b/', true],
    ['b.example, a.example', 'https://a.example/', false],
    ['b.example a.example', 'https://a.example/', false],
    ['a.example.', 'https://a.example/', false],
    ['a.example', 'https://a.example./', false],
    ['a.example:443', 'https://a.example/', false],
    ['a.example:8443', 'https://a.example/', true],
    ['a.example:8443', 'https://a.example:8443/', false],
    ['*', 'https://a.example/', false],
    ['b.example,*', 'https://a.example/', false],
    ['10.1.2.3', 'https://10.1.2.3/', false],
    ['10.1.2.3', 'https://10.1.2.30/', true],
    ['10.0.0.0/8', 'https://10.1.2.3/', false],
    ['10.0.0.0/8', 'https://11.1.2.3/', true],
    ['10.0.0.0/x', 'https://10.0.0.0/', true],
    ['10.0.0.0/8:8443', 'https://10.1.2.3/', true],
    ['2001:db8::1', 'https://[2001:db8::1]/', false],
    ['[2001:db8::1]:443', 'https://[2001:db8::1]/', false],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]/', true],
    ['2001:db8::/32', 'https://[2001:db8::1]/', false],
    ['.', 'https://a.example/', true],
    ['*:443', 'https://a.example/', false],
    ['*:443', 'https://a.example:8443/', true],
    ['bücher.example', 'https://xn--bcher-kva.example/', false],
    ['10.0.0.0/8', 'https://[::ffff:10.0.0.1]/', false],
    ['10.0.0.0/8', 'https://[::ffff:11.0.0.1]/', true],
    ['::/0', 'https://10.0.0.1/', true],
    ['', 'https://localhost/', false],
    ['', 'https://127.0.0.1:8443/', false],
    ['', 'https://[::1]/', false],
    ['', 'https://localhost./', false],
    ['', 'https://a.localhost/', false],
  ])('%s: %s through the proxy is %s', (bypass, url, through) => {
    expect(leadsThrough({ url: proxy, setting: 'HTTPS_PROXY', bypass }, new URL(url))).toBe(through);
  });

  test('means nothing to the proxy of a server', () => {
    expect(leadsThrough({ url: proxy, setting: 'proxy' }, new URL('https://localhost/'))).toBe(true);
  });
});

describe('the variables', () => {
  const found = { url: proxy, setting: 'HTTPS_PROXY', bypass: '' };
  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ HTTP_PROXY: proxy }, undefined],
    [{ HTTPS_PROXY: proxy }, found],
    [{ HTTPS_PROXY: 'proxy.example:3128' }, found],
    [{ HTTPS_PROXY: `${proxy}/` }, found],
    [
      { HTTPS_PROXY: proxy, NO_PROXY: 'a' },
      { ...found, bypass: 'a' },
    ],
    [
      { HTTPS_PROXY: proxy, NO_PROXY: 'a', no_proxy: 'b' },
      { ...found, bypass: 'b' },
    ],
    [
      { HTTPS_PROXY: proxy, NO_PROXY: 'a', no_proxy: '' },
      { ...found, bypass: 'a' },
    ],
    [
      { HTTPS_PROXY: 'http://other', https_proxy: proxy },
      { ...found, setting: 'https_proxy' },
    ],
    [{ HTTPS_PROXY: 'http://a@proxy.example:3128' }, { ...found, authorization: 'Basic YTo=' }],
    [{ HTTPS_PROXY: 'http://:a@proxy.example:3128' }, { ...found, authorization: 'Basic OmE=' }],
    [{ HTTPS_PROXY: 'http://a:100%@proxy.example:3128' }, { ...found, authorization: 'Basic YToxMDAl' }],
  ])('%j', (env, expected) => {
    expect(environmentProxy(env)).toEqual(expected);
  });
});

test('refusals of credentials are final after an hour of nothing else', () => {
  const minutes = (...times: number[]): boolean[] => times.map((time) => refusals.isFinal(time * 60_000));
  const refusals = new ProxyRefusals();
  expect(minutes(5, 15, 30, 45, 64, 64.9)).toEqual([false, false, false, false, false, false]);
  // More than a quarter of an hour without one: it began anew at 64.
  expect(minutes(79, 94, 109, 123.9)).toEqual([false, false, false, false]);
  expect(minutes(124)).toEqual([true]);
  refusals.end();
  expect(minutes(125, 139, 154, 169, 184, 185)).toEqual([false, false, false, false, false, true]);
});
