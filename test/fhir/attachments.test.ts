import { describe, expect, test } from 'vitest';
import { attachmentUrl, findAttachments } from '../../src/fhir/attachments.ts';

const urls = (resource: unknown) => findAttachments(resource).map(({ element, url }) => `${element} ${url}`);

describe('attachments are found', () => {
  test('in any resource, with what is said of them', () => {
    const attachment = { contentType: 'application/pdf', url: 'https://a.example/1', size: 5, hash: 'x=', title: 'A' };
    expect(findAttachments({ resourceType: 'DocumentReference', content: [{ attachment }] })).toEqual([
      {
        element: 'content[0].attachment',
        url: 'https://a.example/1',
        contentType: 'application/pdf',
        size: 5,
        hash: 'x=',
      },
    ]);
  });

  test.each([
    [
      { resourceType: 'DiagnosticReport', presentedForm: [{ url: 'a' }, { url: 'b' }] },
      ['presentedForm[0] a', 'presentedForm[1] b'],
    ],
    [{ resourceType: 'Media', content: { url: 'a' } }, ['content a']],
    [{ resourceType: 'Patient', photo: [{ url: 'a' }] }, ['photo[0] a']],
    [
      { resourceType: 'Patient', extension: [{ url: 'http://x', valueAttachment: { url: 'a' } }] },
      ['extension[0].valueAttachment a'],
    ],
    [
      { extension: [{ url: 'http://x', extension: [{ url: 'y', valueAttachment: { url: 'a', _url: {} } }] }] },
      ['extension[0].extension[0].valueAttachment a'],
    ],
    [{ contained: [{ resourceType: 'Media', content: { url: 'a', contentType: 'b' } }] }, ['contained[0].content a']],
    [{ content: [{ attachment: { url: 'a', extension: [{ url: 'http://x' }] } }] }, ['content[0].attachment a']],
  ])('%j', (resource, expected) => {
    expect(urls(resource)).toEqual(expected);
  });

  test('with a size that R5 writes as text', () => {
    expect(findAttachments({ photo: { url: 'a', size: '12' } })).toEqual([{ element: 'photo', url: 'a', size: 12 }]);
  });

  test('however deep they are', () => {
    let resource: unknown = { url: 'deep' };
    for (let i = 0; i < 100_000; i++) resource = [resource];
    expect(findAttachments(resource)).toHaveLength(1);
  });
});

describe('no attachments are', () => {
  test.each([
    ['a resource with a canonical URL', { resourceType: 'ValueSet', url: 'http://x' }],
    ['an extension without a value', { resourceType: 'Patient', extension: [{ url: 'http://x' }] }],
    ['a modifier extension', { resourceType: 'Patient', modifierExtension: [{ url: 'http://x', valueCode: 'a' }] }],
    ['a related artifact', { relatedArtifact: [{ type: 'citation', url: 'http://x' }] }],
    ['a link of a Bundle', { link: [{ relation: 'next', url: 'http://x' }] }],
    ['a request of a Bundle', { entry: [{ request: { method: 'DELETE', url: 'Patient/1' } }] }],
    ['one with its data', { content: [{ attachment: { url: 'http://x', data: 'AAAA' } }] }],
    ['one whose URL is the content', { content: [{ attachment: { url: 'DATA:text/plain,x' } }] }],
    ['a contained resource', { content: [{ attachment: { url: '#1' } }] }],
    ['something else than text', { content: [{ attachment: { url: 5 } }] }],
  ])('%s', (_, resource) => {
    expect(urls(resource)).toEqual([]);
  });
});

test.each([
  ['https://b.example/x?y=1', 'https://b.example/x?y=1'],
  ['Binary/1', 'https://a.example/r4/Binary/1'],
  ['/r4/Binary/1', 'https://a.example/r4/Binary/1'],
  ['http://b.example/x', 'http://b.example/x'],
  ['urn:oid:1.2.3', undefined],
  ['data:text/plain,x', undefined],
  ['file:///etc/passwd', undefined],
  ['', undefined],
  ['http://', undefined],
])('the URL of %s is %s', (url, expected) => {
  expect(attachmentUrl(url, 'https://a.example/r4')).toBe(expected);
});
