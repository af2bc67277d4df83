/** Pub/Sub, Scheduler, Tasks and Secret Manager. */
import { describe, resource } from '../description.ts'

export const pubsub = describe('pubsub.v1', 'https://pubsub.googleapis.com/', `
  projects.snapshots.create PUT v1/{+name}
  projects.snapshots.delete DELETE v1/{+snapshot}
  projects.snapshots.list GET v1/{+project}/snapshots
  projects.subscriptions.acknowledge POST v1/{+subscription}:acknowledge
  projects.subscriptions.create PUT v1/{+name}
  projects.subscriptions.delete DELETE v1/{+subscription}
  projects.subscriptions.get GET v1/{+subscription}
  projects.subscriptions.list GET v1/{+project}/subscriptions
  projects.subscriptions.modifyAckDeadline POST v1/{+subscription}:modifyAckDeadline
  projects.subscriptions.modifyPushConfig POST v1/{+subscription}:modifyPushConfig
  projects.subscriptions.patch PATCH v1/{+name}
  projects.subscriptions.pull POST v1/{+subscription}:pull
  projects.subscriptions.seek POST v1/{+subscription}:seek
  projects.topics.create PUT v1/{+name}
  projects.topics.delete DELETE v1/{+topic}
  projects.topics.get GET v1/{+topic}
  projects.topics.list GET v1/{+project}/topics
  projects.topics.patch PATCH v1/{+name}
  projects.topics.publish POST v1/{+topic}:publish
  projects.topics.subscriptions.list GET v1/{+topic}/subscriptions
`)

export const cloudscheduler = describe('cloudscheduler.v1', 'https://cloudscheduler.googleapis.com/', `
  ${resource('projects.locations.jobs', 'v1', 'jobs')}
  projects.locations.jobs.pause POST v1/{+name}:pause
  projects.locations.jobs.resume POST v1/{+name}:resume
  projects.locations.jobs.run POST v1/{+name}:run
  projects.locations.get GET v1/{+name}
  projects.locations.list GET v1/{+name}/locations
`)

export const cloudtasks = describe('cloudtasks.v2', 'https://cloudtasks.googleapis.com/', `
  ${resource('projects.locations.queues', 'v2', 'queues')}
  projects.locations.queues.pause POST v2/{+name}:pause
  projects.locations.queues.purge POST v2/{+name}:purge
  projects.locations.queues.resume POST v2/{+name}:resume
  ${resource('projects.locations.queues.tasks', 'v2', 'tasks', '', 'list get create delete')}
  projects.locations.queues.tasks.run POST v2/{+name}:run
`)

export const secretmanager = describe('secretmanager.v1', 'https://secretmanager.googleapis.com/', `
  projects.secrets.addVersion POST v1/{+parent}:addVersion
  projects.secrets.create POST v1/{+parent}/secrets
  projects.secrets.delete DELETE v1/{+name}
  projects.secrets.get GET v1/{+name}
  projects.secrets.getIamPolicy GET v1/{+resource}:getIamPolicy
  projects.secrets.list GET v1/{+parent}/secrets
  projects.secrets.patch PATCH v1/{+name}
  projects.secrets.setIamPolicy POST v1/{+resource}:setIamPolicy
  projects.secrets.versions.access GET v1/{+name}:access
  projects.secrets.versions.destroy POST v1/{+name}:destroy
  projects.secrets.versions.disable POST v1/{+name}:disable
  projects.secrets.versions.enable POST v1/{+name}:enable
  projects.secrets.versions.get GET v1/{+name}
  projects.secrets.versions.list GET v1/{+parent}/versions
`)
