/**
 * The predefined roles, by Google's names. A line is a list of permissions; `*` at its end takes everything below. Where Google's list is
 * longer than what the house answers, the part that the house answers is here.
 */

const RESOURCE_VIEW = 'resourcemanager.projects.get resourcemanager.projects.list'

const OBJECT_VIEWER = `${RESOURCE_VIEW} storage.objects.get storage.objects.list storage.folders.get storage.folders.list storage.managedFolders.get storage.managedFolders.list`
const OBJECT_CREATOR = 'storage.objects.create storage.folders.create storage.managedFolders.create storage.multipartUploads.create storage.multipartUploads.abort storage.multipartUploads.listParts'
const OBJECT_USER = `${OBJECT_VIEWER} ${OBJECT_CREATOR} storage.objects.delete storage.objects.update storage.objects.restore storage.objects.move storage.multipartUploads.* storage.folders.* storage.managedFolders.create storage.managedFolders.delete`
const LEGACY_READER = 'storage.buckets.get storage.objects.list storage.multipartUploads.list storage.managedFolders.get storage.managedFolders.list'

const BQ_METADATA = `${RESOURCE_VIEW} bigquery.datasets.get bigquery.datasets.getIamPolicy bigquery.models.getMetadata bigquery.models.list bigquery.routines.get bigquery.routines.list bigquery.tables.get bigquery.tables.getIamPolicy bigquery.tables.list`
const BQ_VIEWER = `${BQ_METADATA} bigquery.models.export bigquery.models.getData bigquery.tables.createSnapshot bigquery.tables.export bigquery.tables.getData bigquery.tables.replicateData`
const BQ_EDITOR = `${BQ_VIEWER} bigquery.datasets.create bigquery.datasets.updateTag bigquery.models.* bigquery.routines.* bigquery.tables.create bigquery.tables.createIndex bigquery.tables.delete bigquery.tables.deleteIndex bigquery.tables.restoreSnapshot bigquery.tables.update bigquery.tables.updateData bigquery.tables.updateTag`
const BQ_READ_SESSIONS = 'bigquery.readsessions.create bigquery.readsessions.getData bigquery.readsessions.update'
const BQ_JOB_USER = `${RESOURCE_VIEW} bigquery.jobs.create bigquery.config.get`

const PUBSUB_VIEWER = `${RESOURCE_VIEW} pubsub.schemas.get pubsub.schemas.list pubsub.schemas.listRevisions pubsub.schemas.validate pubsub.snapshots.get pubsub.snapshots.list pubsub.subscriptions.get pubsub.subscriptions.list pubsub.topics.get pubsub.topics.list`
const PUBSUB_SUBSCRIBER = 'pubsub.snapshots.seek pubsub.subscriptions.consume pubsub.topics.attachSubscription'
const PUBSUB_EDITOR = `${PUBSUB_VIEWER} ${PUBSUB_SUBSCRIBER} pubsub.topics.publish pubsub.schemas.attach pubsub.schemas.commit pubsub.schemas.create pubsub.schemas.delete pubsub.schemas.rollback pubsub.snapshots.create pubsub.snapshots.delete pubsub.snapshots.update pubsub.subscriptions.create pubsub.subscriptions.delete pubsub.subscriptions.update pubsub.topics.create pubsub.topics.delete pubsub.topics.detachSubscription pubsub.topics.update pubsub.topics.updateTag`

const FUNCTIONS_VIEWER = `${RESOURCE_VIEW} cloudfunctions.functions.get cloudfunctions.functions.list cloudfunctions.locations.get cloudfunctions.locations.list cloudfunctions.operations.get cloudfunctions.operations.list cloudfunctions.runtimes.list run.services.get run.services.list cloudbuild.builds.get cloudbuild.builds.list eventarc.triggers.get eventarc.triggers.list serviceusage.services.get serviceusage.services.list`
const FUNCTIONS_DEVELOPER = `${FUNCTIONS_VIEWER} cloudfunctions.functions.call cloudfunctions.functions.create cloudfunctions.functions.delete cloudfunctions.functions.invoke cloudfunctions.functions.sourceCodeGet cloudfunctions.functions.sourceCodeSet cloudfunctions.functions.update cloudfunctions.functions.generateUploadUrl cloudfunctions.functions.getIamPolicy`

const RUN_VIEWER = `${RESOURCE_VIEW} run.configurations.* run.executions.get run.executions.list run.jobs.get run.jobs.list run.jobs.getIamPolicy run.locations.list run.operations.get run.operations.list run.revisions.get run.revisions.list run.routes.get run.routes.list run.services.get run.services.getIamPolicy run.services.list`
const RUN_DEVELOPER = `${RUN_VIEWER} run.services.create run.services.delete run.services.update run.jobs.create run.jobs.delete run.jobs.run run.jobs.update run.executions.delete run.revisions.delete run.operations.delete`

const WORKFLOWS_VIEWER = `${RESOURCE_VIEW} workflows.callbacks.list workflows.executions.get workflows.executions.list workflows.locations.get workflows.locations.list workflows.operations.get workflows.operations.list workflows.stepEntries.get workflows.stepEntries.list workflows.workflows.get workflows.workflows.list workflows.workflows.listRevision`
const WORKFLOWS_INVOKER = `${RESOURCE_VIEW} workflows.callbacks.list workflows.callbacks.send workflows.executions.cancel workflows.executions.create workflows.executions.get workflows.executions.list workflows.stepEntries.get workflows.stepEntries.list`

const EVENTARC_VIEWER = `${RESOURCE_VIEW} eventarc.channels.get eventarc.channels.list eventarc.locations.* eventarc.operations.get eventarc.operations.list eventarc.providers.* eventarc.triggers.get eventarc.triggers.getIamPolicy eventarc.triggers.list`
const SCHEDULER_VIEWER = `${RESOURCE_VIEW} cloudscheduler.jobs.get cloudscheduler.jobs.list cloudscheduler.jobs.fullView cloudscheduler.locations.* cloudscheduler.operations.get cloudscheduler.operations.list`
const SECRETS_VIEWER = `${RESOURCE_VIEW} secretmanager.locations.* secretmanager.secrets.get secretmanager.secrets.getIamPolicy secretmanager.secrets.list secretmanager.versions.get secretmanager.versions.list`
const LOGS_VIEWER = `${RESOURCE_VIEW} logging.buckets.get logging.buckets.list logging.exclusions.get logging.exclusions.list logging.links.get logging.links.list logging.locations.* logging.logEntries.list logging.logEntries.download logging.logMetrics.get logging.logMetrics.list logging.logServices.list logging.logs.list logging.operations.get logging.operations.list logging.queries.* logging.sinks.get logging.sinks.list logging.usage.get logging.views.get logging.views.list`
const TOKEN_CREATOR = 'iam.serviceAccounts.get iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.implicitDelegation iam.serviceAccounts.list iam.serviceAccounts.signBlob iam.serviceAccounts.signJwt'
const ACCOUNTS_VIEW = `${RESOURCE_VIEW} iam.serviceAccounts.get iam.serviceAccounts.list`

export const ROLE_TABLE: Readonly<Record<string, readonly [title: string, permissions: string]>> = {
  'roles/storage.admin': ['Storage Admin', `${RESOURCE_VIEW} storage.* firebase.projects.get`],
  'roles/storage.objectAdmin': ['Storage Object Admin', `${RESOURCE_VIEW} storage.objects.* storage.folders.* storage.managedFolders.* storage.multipartUploads.*`],
  'roles/storage.objectCreator': ['Storage Object Creator', `${RESOURCE_VIEW} ${OBJECT_CREATOR}`],
  'roles/storage.objectViewer': ['Storage Object Viewer', OBJECT_VIEWER],
  'roles/storage.objectUser': ['Storage Object User', OBJECT_USER],
  'roles/storage.bucketViewer': ['Storage Bucket Viewer', 'storage.buckets.get storage.buckets.list'],
  'roles/storage.hmacKeyAdmin': ['Storage HMAC Key Admin', `${RESOURCE_VIEW} storage.hmacKeys.*`],
  'roles/storage.insightsCollectorService': ['Storage Insights Collector Service', `${RESOURCE_VIEW} storage.buckets.get storage.buckets.getObjectInsights`],
  'roles/storage.legacyBucketReader': ['Storage Legacy Bucket Reader', LEGACY_READER],
  'roles/storage.legacyBucketWriter': ['Storage Legacy Bucket Writer', `${LEGACY_READER} storage.objects.create storage.objects.delete storage.objects.setRetention storage.multipartUploads.abort storage.multipartUploads.create storage.multipartUploads.listParts`],
  'roles/storage.legacyBucketOwner': ['Storage Legacy Bucket Owner', `${LEGACY_READER} storage.buckets.getIamPolicy storage.buckets.setIamPolicy storage.buckets.update storage.objects.create storage.objects.delete storage.objects.setRetention storage.multipartUploads.*`],
  'roles/storage.legacyObjectReader': ['Storage Legacy Object Reader', 'storage.objects.get'],
  'roles/storage.legacyObjectOwner': ['Storage Legacy Object Owner', 'storage.objects.get storage.objects.getIamPolicy storage.objects.setIamPolicy storage.objects.setRetention storage.objects.update'],

  'roles/bigquery.admin': ['BigQuery Admin', `${RESOURCE_VIEW} bigquery.* dataform.*`],
  'roles/bigquery.dataOwner': ['BigQuery Data Owner', `${BQ_EDITOR} bigquery.datasets.* bigquery.models.* bigquery.routines.* bigquery.tables.* bigquery.rowAccessPolicies.*`],
  'roles/bigquery.dataEditor': ['BigQuery Data Editor', BQ_EDITOR],
  'roles/bigquery.dataViewer': ['BigQuery Data Viewer', BQ_VIEWER],
  'roles/bigquery.metadataViewer': ['BigQuery Metadata Viewer', BQ_METADATA],
  'roles/bigquery.filteredDataViewer': ['BigQuery Filtered Data Viewer', 'bigquery.rowAccessPolicies.getFilteredData'],
  'roles/bigquery.jobUser': ['BigQuery Job User', BQ_JOB_USER],
  'roles/bigquery.user': ['BigQuery User', `${BQ_JOB_USER} ${BQ_READ_SESSIONS} bigquery.datasets.create bigquery.datasets.get bigquery.datasets.getIamPolicy bigquery.jobs.list bigquery.models.list bigquery.routines.list bigquery.savedqueries.get bigquery.savedqueries.list bigquery.tables.list bigquery.transfers.get`],
  'roles/bigquery.readSessionUser': ['BigQuery Read Session User', `${RESOURCE_VIEW} ${BQ_READ_SESSIONS}`],
  'roles/bigquery.resourceViewer': ['BigQuery Resource Viewer', `${RESOURCE_VIEW} bigquery.jobs.get bigquery.jobs.list bigquery.jobs.listAll bigquery.reservations.get bigquery.reservations.list`],
  'roles/bigquery.connectionUser': ['BigQuery Connection User', 'bigquery.connections.get bigquery.connections.getIamPolicy bigquery.connections.list bigquery.connections.use'],

  'roles/pubsub.admin': ['Pub/Sub Admin', `${RESOURCE_VIEW} pubsub.*`],
  'roles/pubsub.editor': ['Pub/Sub Editor', PUBSUB_EDITOR],
  'roles/pubsub.viewer': ['Pub/Sub Viewer', PUBSUB_VIEWER],
  'roles/pubsub.publisher': ['Pub/Sub Publisher', 'pubsub.topics.publish'],
  'roles/pubsub.subscriber': ['Pub/Sub Subscriber', PUBSUB_SUBSCRIBER],

  'roles/cloudfunctions.admin': ['Cloud Functions Admin', `${FUNCTIONS_DEVELOPER} cloudfunctions.* run.services.setIamPolicy run.services.getIamPolicy`],
  'roles/cloudfunctions.developer': ['Cloud Functions Developer', FUNCTIONS_DEVELOPER],
  'roles/cloudfunctions.viewer': ['Cloud Functions Viewer', FUNCTIONS_VIEWER],
  'roles/cloudfunctions.invoker': ['Cloud Functions Invoker', 'cloudfunctions.functions.invoke'],
  'roles/cloudfunctions.serviceAgent': ['Cloud Functions Service Agent', `${FUNCTIONS_DEVELOPER} ${TOKEN_CREATOR} pubsub.subscriptions.* pubsub.topics.* storage.buckets.get storage.buckets.update storage.objects.get storage.objects.list run.*`],

  'roles/run.admin': ['Cloud Run Admin', `${RESOURCE_VIEW} run.*`],
  'roles/run.developer': ['Cloud Run Developer', RUN_DEVELOPER],
  'roles/run.viewer': ['Cloud Run Viewer', RUN_VIEWER],
  'roles/run.invoker': ['Cloud Run Invoker', 'run.jobs.run run.routes.invoke'],

  'roles/workflows.admin': ['Workflows Admin', `${RESOURCE_VIEW} workflows.*`],
  'roles/workflows.editor': ['Workflows Editor', `${RESOURCE_VIEW} workflows.*`],
  'roles/workflows.viewer': ['Workflows Viewer', WORKFLOWS_VIEWER],
  'roles/workflows.invoker': ['Workflows Invoker', WORKFLOWS_INVOKER],

  'roles/eventarc.admin': ['Eventarc Admin', `${RESOURCE_VIEW} eventarc.*`],
  'roles/eventarc.developer': ['Eventarc Developer', `${EVENTARC_VIEWER} eventarc.triggers.create eventarc.triggers.delete eventarc.triggers.update eventarc.triggers.undelete eventarc.operations.*`],
  'roles/eventarc.viewer': ['Eventarc Viewer', EVENTARC_VIEWER],
  'roles/eventarc.eventReceiver': ['Eventarc Event Receiver', 'eventarc.events.receiveAuditLogWritten eventarc.events.receiveEvent'],

  'roles/cloudscheduler.admin': ['Cloud Scheduler Admin', `${RESOURCE_VIEW} cloudscheduler.*`],
  'roles/cloudscheduler.jobRunner': ['Cloud Scheduler Job Runner', `${SCHEDULER_VIEWER} cloudscheduler.jobs.run`],
  'roles/cloudscheduler.viewer': ['Cloud Scheduler Viewer', SCHEDULER_VIEWER],

  'roles/secretmanager.admin': ['Secret Manager Admin', `${RESOURCE_VIEW} secretmanager.*`],
  'roles/secretmanager.viewer': ['Secret Manager Viewer', SECRETS_VIEWER],
  'roles/secretmanager.secretAccessor': ['Secret Manager Secret Accessor', `${RESOURCE_VIEW} secretmanager.versions.access`],
  'roles/secretmanager.secretVersionAdder': ['Secret Manager Secret Version Adder', `${RESOURCE_VIEW} secretmanager.versions.add`],
  'roles/secretmanager.secretVersionManager': ['Secret Manager Secret Version Manager', `${RESOURCE_VIEW} secretmanager.versions.add secretmanager.versions.destroy secretmanager.versions.disable secretmanager.versions.enable secretmanager.versions.get secretmanager.versions.list`],

  'roles/logging.admin': ['Logging Admin', `${RESOURCE_VIEW} logging.*`],
  'roles/logging.viewer': ['Logs Viewer', LOGS_VIEWER],
  'roles/logging.privateLogViewer': ['Private Logs Viewer', `${LOGS_VIEWER} logging.privateLogEntries.list logging.views.access`],
  'roles/logging.logWriter': ['Logs Writer', 'logging.logEntries.create logging.logEntries.route'],

  'roles/iam.serviceAccountAdmin': ['Service Account Admin', `${ACCOUNTS_VIEW} iam.serviceAccounts.create iam.serviceAccounts.delete iam.serviceAccounts.disable iam.serviceAccounts.enable iam.serviceAccounts.getIamPolicy iam.serviceAccounts.setIamPolicy iam.serviceAccounts.undelete iam.serviceAccounts.update`],
  'roles/iam.serviceAccountCreator': ['Create Service Accounts', `${ACCOUNTS_VIEW} iam.serviceAccounts.create`],
  'roles/iam.serviceAccountDeleter': ['Delete Service Accounts', `${ACCOUNTS_VIEW} iam.serviceAccounts.delete`],
  'roles/iam.serviceAccountKeyAdmin': ['Service Account Key Admin', `${ACCOUNTS_VIEW} iam.serviceAccountKeys.*`],
  'roles/iam.serviceAccountTokenCreator': ['Service Account Token Creator', TOKEN_CREATOR],
  'roles/iam.serviceAccountOpenIdTokenCreator': ['Service Account OpenID Connect Identity Token Creator', 'iam.serviceAccounts.getOpenIdToken'],
  'roles/iam.serviceAccountUser': ['Service Account User', `${ACCOUNTS_VIEW} iam.serviceAccounts.actAs`],
  'roles/iam.serviceAccountViewer': ['View Service Accounts', `${ACCOUNTS_VIEW} iam.serviceAccounts.getIamPolicy iam.serviceAccountKeys.get iam.serviceAccountKeys.list`],
  'roles/iam.workloadIdentityUser': ['Workload Identity User', 'iam.serviceAccounts.get iam.serviceAccounts.getAccessToken iam.serviceAccounts.getOpenIdToken iam.serviceAccounts.list'],
  'roles/iam.roleAdmin': ['Role Administrator', `${RESOURCE_VIEW} iam.roles.* resourcemanager.projects.getIamPolicy`],
  'roles/iam.roleViewer': ['Role Viewer', `${RESOURCE_VIEW} iam.roles.get iam.roles.list resourcemanager.projects.getIamPolicy`],
  'roles/iam.securityAdmin': ['Security Admin', `${RESOURCE_VIEW} resourcemanager.projects.getIamPolicy resourcemanager.projects.setIamPolicy iam.roles.get iam.roles.list iam.serviceAccounts.get iam.serviceAccounts.getIamPolicy iam.serviceAccounts.list iam.serviceAccounts.setIamPolicy storage.buckets.get storage.buckets.getIamPolicy storage.buckets.list storage.buckets.setIamPolicy bigquery.datasets.getIamPolicy bigquery.datasets.setIamPolicy bigquery.tables.getIamPolicy bigquery.tables.setIamPolicy pubsub.topics.getIamPolicy pubsub.topics.setIamPolicy pubsub.subscriptions.getIamPolicy pubsub.subscriptions.setIamPolicy cloudfunctions.functions.getIamPolicy cloudfunctions.functions.setIamPolicy run.services.getIamPolicy run.services.setIamPolicy secretmanager.secrets.getIamPolicy secretmanager.secrets.setIamPolicy`],
  'roles/iam.securityReviewer': ['Security Reviewer', `${RESOURCE_VIEW} resourcemanager.projects.getIamPolicy iam.roles.get iam.roles.list iam.serviceAccounts.get iam.serviceAccounts.getIamPolicy iam.serviceAccounts.list storage.buckets.getIamPolicy storage.buckets.list bigquery.datasets.getIamPolicy bigquery.tables.getIamPolicy pubsub.topics.getIamPolicy pubsub.subscriptions.getIamPolicy cloudfunctions.functions.getIamPolicy`],

  'roles/resourcemanager.projectIamAdmin': ['Project IAM Admin', `${RESOURCE_VIEW} resourcemanager.projects.getIamPolicy resourcemanager.projects.setIamPolicy`],
  'roles/resourcemanager.projectCreator': ['Project Creator', 'resourcemanager.projects.create'],
  'roles/resourcemanager.projectDeleter': ['Project Deleter', 'resourcemanager.projects.delete'],
  'roles/browser': ['Browser', `${RESOURCE_VIEW} resourcemanager.projects.getIamPolicy`],
  'roles/serviceusage.serviceUsageAdmin': ['Service Usage Admin', 'serviceusage.*'],
  'roles/serviceusage.serviceUsageConsumer': ['Service Usage Consumer', 'serviceusage.services.get serviceusage.services.list serviceusage.services.use'],
  'roles/serviceusage.serviceUsageViewer': ['Service Usage Viewer', 'serviceusage.services.get serviceusage.services.list'],
}
