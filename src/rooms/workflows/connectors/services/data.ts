/** BigQuery and Cloud Storage. */
import { describe } from '../description.ts'

export const bigquery = describe('bigquery.v2', 'https://bigquery.googleapis.com/bigquery/v2/', `
  datasets.delete DELETE projects/{projectId}/datasets/{datasetId}
  datasets.get GET projects/{projectId}/datasets/{datasetId}
  datasets.insert POST projects/{projectId}/datasets
  datasets.list GET projects/{projectId}/datasets
  datasets.patch PATCH projects/{projectId}/datasets/{datasetId}
  datasets.update PUT projects/{projectId}/datasets/{datasetId}
  jobs.cancel POST projects/{projectId}/jobs/{jobId}/cancel
  jobs.delete DELETE projects/{projectId}/jobs/{jobId}/delete
  jobs.get GET projects/{projectId}/jobs/{jobId}
  jobs.getQueryResults GET projects/{projectId}/queries/{jobId}
  jobs.insert POST projects/{projectId}/jobs poll=bigquery
  jobs.list GET projects/{projectId}/jobs
  jobs.query POST projects/{projectId}/queries
  models.delete DELETE projects/{projectId}/datasets/{datasetId}/models/{modelId}
  models.get GET projects/{projectId}/datasets/{datasetId}/models/{modelId}
  models.list GET projects/{projectId}/datasets/{datasetId}/models
  models.patch PATCH projects/{projectId}/datasets/{datasetId}/models/{modelId}
  projects.getServiceAccount GET projects/{projectId}/serviceAccount
  projects.list GET projects
  routines.delete DELETE projects/{projectId}/datasets/{datasetId}/routines/{routineId}
  routines.get GET projects/{projectId}/datasets/{datasetId}/routines/{routineId}
  routines.insert POST projects/{projectId}/datasets/{datasetId}/routines
  routines.list GET projects/{projectId}/datasets/{datasetId}/routines
  routines.update PUT projects/{projectId}/datasets/{datasetId}/routines/{routineId}
  tabledata.insertAll POST projects/{projectId}/datasets/{datasetId}/tables/{tableId}/insertAll
  tabledata.list GET projects/{projectId}/datasets/{datasetId}/tables/{tableId}/data
  tables.delete DELETE projects/{projectId}/datasets/{datasetId}/tables/{tableId}
  tables.get GET projects/{projectId}/datasets/{datasetId}/tables/{tableId}
  tables.insert POST projects/{projectId}/datasets/{datasetId}/tables
  tables.list GET projects/{projectId}/datasets/{datasetId}/tables
  tables.patch PATCH projects/{projectId}/datasets/{datasetId}/tables/{tableId}
  tables.update PUT projects/{projectId}/datasets/{datasetId}/tables/{tableId}
`)

export const storage = describe('storage.v1', 'https://storage.googleapis.com/storage/v1/', `
  bucketAccessControls.insert POST b/{bucket}/acl
  bucketAccessControls.list GET b/{bucket}/acl
  buckets.delete DELETE b/{bucket}
  buckets.get GET b/{bucket}
  buckets.getIamPolicy GET b/{bucket}/iam
  buckets.insert POST b
  buckets.list GET b
  buckets.patch PATCH b/{bucket}
  buckets.setIamPolicy PUT b/{bucket}/iam
  buckets.testIamPermissions GET b/{bucket}/iam/testPermissions
  buckets.update PUT b/{bucket}
  notifications.delete DELETE b/{bucket}/notificationConfigs/{notification}
  notifications.get GET b/{bucket}/notificationConfigs/{notification}
  notifications.insert POST b/{bucket}/notificationConfigs
  notifications.list GET b/{bucket}/notificationConfigs
  objects.compose POST b/{destinationBucket}/o/{destinationObject}/compose encoded
  objects.copy POST b/{sourceBucket}/o/{sourceObject}/copyTo/b/{destinationBucket}/o/{destinationObject} encoded
  objects.delete DELETE b/{bucket}/o/{object} encoded
  objects.get GET b/{bucket}/o/{object} encoded
  objects.insert POST https://storage.googleapis.com/upload/storage/v1/b/{bucket}/o encoded media
  objects.list GET b/{bucket}/o
  objects.patch PATCH b/{bucket}/o/{object} encoded
  objects.rewrite POST b/{sourceBucket}/o/{sourceObject}/rewriteTo/b/{destinationBucket}/o/{destinationObject} encoded
  objects.update PUT b/{bucket}/o/{object} encoded
  projects.serviceAccount.get GET projects/{projectId}/serviceAccount
`)
