/** Services that no room of the house answers, and that Google's samples call: through the courier they reach the real ones, or a stub. */
import { describe } from '../description.ts'

const firestore = describe('firestore.v1', 'https://firestore.googleapis.com/', `
  projects.databases.documents.batchGet POST v1/{+database}/documents:batchGet
  projects.databases.documents.commit POST v1/{+database}/documents:commit
  projects.databases.documents.createDocument POST v1/{+parent}/{collectionId}
  projects.databases.documents.delete DELETE v1/{+name}
  projects.databases.documents.get GET v1/{+name}
  projects.databases.documents.list GET v1/{+parent}/{collectionId}
  projects.databases.documents.patch PATCH v1/{+name}
  projects.databases.documents.runQuery POST v1/{+parent}:runQuery
  projects.databases.exportDocuments POST v1/{+name}:exportDocuments poll=operation
  projects.databases.importDocuments POST v1/{+name}:importDocuments poll=operation
`)

const translate = [
  ...describe('translate.v2', 'https://translation.googleapis.com/language/translate/v2', `
    detections.detect POST /detect inline
    languages.list GET /languages
    translations.list GET .
    translations.translate POST . inline
  `),
  ...describe('translate.v3', 'https://translation.googleapis.com/', `
    projects.translateText POST v3/{+parent}:translateText
    projects.locations.translateText POST v3/{+parent}:translateText
    projects.locations.batchTranslateText POST v3/{+parent}:batchTranslateText poll=operation
    projects.locations.glossaries.list GET v3/{+parent}/glossaries
    projects.locations.glossaries.create POST v3/{+parent}/glossaries poll=operation
    projects.locations.glossaries.delete DELETE v3/{+name} poll=operation
  `),
  ...describe('translate.v3beta1', 'https://translation.googleapis.com/', `
    projects.locations.batchTranslateText POST v3beta1/{+parent}:batchTranslateText poll=operation
  `),
]

const language = describe('language.v1', 'https://language.googleapis.com/', `
  documents.analyzeEntities POST v1/documents:analyzeEntities
  documents.analyzeSentiment POST v1/documents:analyzeSentiment
  documents.annotateText POST v1/documents:annotateText
  documents.classifyText POST v1/documents:classifyText
`)

const sheets = describe('sheets.v4', 'https://sheets.googleapis.com/', `
  spreadsheets.batchUpdate POST v4/spreadsheets/{spreadsheetId}:batchUpdate
  spreadsheets.create POST v4/spreadsheets
  spreadsheets.get GET v4/spreadsheets/{spreadsheetId}
  spreadsheets.values.append POST v4/spreadsheets/{spreadsheetId}/values/{range}:append
  spreadsheets.values.clear POST v4/spreadsheets/{spreadsheetId}/values/{range}:clear
  spreadsheets.values.get GET v4/spreadsheets/{spreadsheetId}/values/{range}
  spreadsheets.values.update PUT v4/spreadsheets/{spreadsheetId}/values/{range}
`)

const aiplatform = describe('aiplatform.v1', 'https://{region}-aiplatform.googleapis.com/', `
  projects.locations.endpoints.generateContent POST v1/{+model}:generateContent
  projects.locations.endpoints.predict POST v1/{+endpoint}:predict
  projects.locations.publishers.models.predict POST v1/{+endpoint}:predict
`)

const logging = describe('logging.v2', 'https://logging.googleapis.com/', `
  entries.list POST v2/entries:list
  entries.write POST v2/entries:write
`)

export const apis = [...firestore, ...translate, ...language, ...sheets, ...aiplatform, ...logging]
