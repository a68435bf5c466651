// SPDX-License-Identifier: Apache-2.0
// The link templates of the root documents (RFC 6570). Clients of the Go SDK fail on a missing one and drop every query
// parameter that a template does not name, so this list is part of the contract.
#include "features/server_status/root_links.h"

#include "base/text.h"

namespace fairlead::features::server_status {

namespace {

struct RootLink {
  const char* name;
  const char* url;  // "{space}" stands for the space's id
};

constexpr RootLink kRootLinks[] = {
    {"Self", "/api"},
    {"Accounts", "/api/{space}/accounts{/id}{?skip,take,ids,partialName,accountType}"},
    {"ActionTemplateLogo", "/api/{space}/actiontemplates/{typeOrId}/logo{?cb}"},
    {"ActionTemplates", "/api/{space}/actiontemplates{/id}{?skip,take,ids,partialName}"},
    {"ActionTemplatesCategories", "/api/{space}/actiontemplates/categories"},
    {"ActionTemplatesSearch", "/api/{space}/actiontemplates/search"},
    {"ActionTemplateVersionedLogo", "/api/{space}/actiontemplates/{typeOrId}/versions/{version}/logo{?cb}"},
    {"Artifacts", "/api/{space}/artifacts{/id}{?skip,take,regarding,ids,partialName,order}"},
    {"Authenticate_Octopus ID", "/users/authenticate/OctopusID{?returnUrl}"},
    {"Authentication", "/api/authentication"},
    {"AzureDevOpsConnectivityCheck", "/api/azuredevopsissuetracker/connectivitycheck"},
    {"AzureEnvironments", "/api/accounts/azureenvironments"},
    {"BuildInformation", "/api/{space}/build-information{/id}{?filter,packageId,latest,skip,take,overwriteMode}"},
    {"BuildInformationBulk", "/api/{space}/build-information/bulk{?ids}"},
    {"BuiltInFeedStats", "/api/feeds/stats"},
    {"CertificateConfiguration", "/api/configuration/certificates{/id}{?skip,take,ids,partialName}"},
    {"Certificates",
     "/api/{space}/certificates{/id}{?skip,take,search,archived,tenant,firstResult,orderBy,ids,partialName}"},
    {"Channels", "/api/{space}/channels{/id}{?skip,take,ids,partialName}"},
    {"CloudTemplate", "/api/cloudtemplate/{id}/metadata{?packageId,feedId}"},
    {"CommunityActionTemplates", "/api/communityactiontemplates{/id}{?skip,take,ids}"},
    {"Configuration", "/api/configuration{/id}"},
    {"CurrentLicense", "/api/licenses/licenses-current"},
    {"CurrentLicenseStatus", "/api/licenses/licenses-current-status"},
    {"CurrentUser", "/api/users/me"},
    {"Dashboard",
     "/api/{space}/"
     "dashboard{?projectId,releaseId,selectedTenants,selectedTags,showAll,"
     "highestLatestVersionPerProjectAndEnvironment}"},
    {"DashboardConfiguration", "/api/{space}/dashboardconfiguration"},
    {"DashboardDynamic", "/api/{space}/dashboard/dynamic{?projects,environments,includePrevious}"},
    {"DeploymentProcesses", "/api/{space}/deploymentprocesses{/id}{?skip,take,ids}"},
    {"Deployments",
     "/api/{space}/deployments{/id}{?skip,take,ids,projects,environments,tenants,channels,taskState,partialName}"},
    {"DiscoverMachine", "/api/{space}/machines/discover{?host,port,type,proxyId}"},
    {"DiscoverWorker", "/api/{space}/workers/discover{?host,port,type,proxyId}"},
    {"DynamicExtensionsFeaturesMetadata", "/api/dynamic-extensions/features/metadata"},
    {"DynamicExtensionsFeaturesValues", "/api/dynamic-extensions/features/values"},
    {"DynamicExtensionsScripts", "/api/dynamic-extensions/scripts"},
    {"Environments", "/api/{space}/environments{/id}{?name,skip,ids,take,partialName}"},
    {"EnvironmentSortOrder", "/api/{space}/environments/sortorder"},
    {"EnvironmentsSummary",
     "/api/{space}/environments/"
     "summary{?ids,partialName,machinePartialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,"
     "hideEmptyEnvironments,shellNames}"},
    {"EventAgents", "/api/events/agents"},
    {"EventCategories", "/api/events/categories{?appliesTo}"},
    {"EventDocumentTypes", "/api/events/documenttypes"},
    {"EventGroups", "/api/events/groups{?appliesTo}"},
    {"Events",
     "/api/events{/"
     "id}{?skip,regarding,regardingAny,user,users,projects,projectGroups,environments,eventGroups,eventCategories,"
     "eventAgents,tags,tenants,from,to,internal,fromAutoId,toAutoId,documentTypes,asCsv,take,ids,spaces,includeSystem,"
     "excludeDifference}"},
    {"ExtensionStats", "/api/serverstatus/extensions"},
    {"ExternalSecurityGroupProviders", "/api/externalsecuritygroupproviders"},
    {"ExternalUserSearch", "/api/users/external-search{?partialName}"},
    {"FeaturesConfiguration", "/api/featuresconfiguration"},
    {"Feeds", "/api/feeds{/id}{?skip,take,ids,partialName,feedType}"},
    {"Interruptions", "/api/{space}/interruptions{/id}{?skip,take,regarding,pendingOnly,ids}"},
    {"Invitations", "/api/users/invitations"},
    {"IssueTrackers", "/api/issuetrackers{?skip,take,ids,partialName}"},
    {"JiraConnectAppCredentialsTest", "/api/jiraintegration/connectivitycheck/connectapp"},
    {"JiraCredentialsTest", "/api/jiraintegration/connectivitycheck/jira"},
    {"LetsEncryptConfiguration", "/api/letsencryptconfiguration"},
    {"LibraryVariables", "/api/{space}/libraryvariablesets{/id}{?skip,contentType,take,ids,partialName}"},
    {"Lifecycles", "/api/{space}/lifecycles{/id}{?skip,take,ids,partialName}"},
    {"LoginInitiated", "/api/authentication/checklogininitiated"},
    {"MachineOperatingSystems", "/api/{space}/machines/operatingsystem/names/all"},
    {"MachinePolicies", "/api/{space}/machinepolicies{/id}{?skip,take,ids,partialName}"},
    {"MachinePolicyTemplate", "/api/{space}/machinepolicies/template"},
    {"MachineRoles", "/api/{space}/machineroles/all"},
    {"Machines",
     "/api/{space}/machines{/"
     "id}{?skip,take,name,ids,partialName,roles,isDisabled,healthStatuses,commStyles,tenantIds,tenantTags,"
     "environmentIds,thumbprint,deploymentId,shellNames}"},
    {"MachineShells", "/api/{space}/machines/operatingsystem/shells/all"},
    {"MaintenanceConfiguration", "/api/maintenanceconfiguration"},
    {"MigrationsImport", "/api/migrations/import"},
    {"MigrationsPartialExport", "/api/migrations/partialexport"},
    {"OctopusServerClusterSummary", "/api/octopusservernodes/summary"},
    {"OctopusServerNodes", "/api/octopusservernodes{/id}{?skip,take,ids,partialName}"},
    {"PackageDeltaSignature", "/api/{space}/packages/{packageId}/{version}/delta-signature"},
    {"PackageDeltaUpload", "/api/{space}/packages/{packageId}/{baseVersion}/delta{?replace,overwriteMode}"},
    {"PackageMetadata", "/api/{space}/package-metadata{/id}{?filter,latest,skip,take,replace,overwriteMode}"},
    {"PackageNotesList", "/api/{space}/packages/notes{?packageIds}"},
    {"Packages", "/api/{space}/packages{/id}{?nuGetPackageId,filter,latest,skip,take,includeNotes}"},
    {"PackagesBulk", "/api/{space}/packages/bulk{?ids}"},
    {"PackageUpload", "/api/{space}/packages/raw{?replace,overwriteMode}"},
    {"PerformanceConfiguration", "/api/performanceconfiguration"},
    {"PermissionDescriptions", "/api/permissions/all"},
    {"ProjectGroups", "/api/{space}/projectgroups{/id}{?skip,take,ids,partialName}"},
    {"ProjectPulse", "/api/{space}/projects/pulse{?projectIds}"},
    {"Projects", "/api/{space}/projects{/id}{?name,skip,ids,clone,take,partialName,clonedFromProjectId}"},
    {"ProjectsExperimentalSummaries", "/api/{space}/projects/experimental/summaries{?ids}"},
    {"ProjectTriggers", "/api/{space}/projecttriggers{/id}{?skip,take,ids,runbooks}"},
    {"Proxies", "/api/{space}/proxies{/id}{?skip,take,ids,partialName}"},
    {"Register", "/api/users/register"},
    {"Releases", "/api/{space}/releases{/id}{?skip,ignoreChannelRules,take,ids}"},
    {"Reporting/DeploymentsCountedByWeek", "/api/{space}/reporting/deployments-counted-by-week{?projectIds}"},
    {"RunbookProcesses", "/api/{space}/runbookProcesses{/id}{?skip,take,ids}"},
    {"RunbookRuns",
     "/api/{space}/runbookRuns{/id}{?skip,take,ids,projects,environments,tenants,runbooks,taskState,partialName}"},
    {"Runbooks", "/api/{space}/runbooks{/id}{?skip,take,ids,partialName,clone,projectIds}"},
    {"RunbookSnapshots", "/api/{space}/runbookSnapshots{/id}{?skip,take,ids,publish}"},
    {"ScheduledProjectTriggers", "/api/{space}/scheduledprojecttriggers{/id}{?skip,take,ids}"},
    {"Scheduler", "/api/scheduler/{name}/logs{?verbose,tail}"},
    {"ScopedUserRoles", "/api/scopeduserroles{/id}{?skip,take,ids,partialName,spaces,includeSystem}"},
    {"ServerConfiguration", "/api/serverconfiguration"},
    {"ServerConfigurationSettings", "/api/serverconfiguration/settings"},
    {"ServerHealthStatus", "/api/serverstatus/health"},
    {"ServerStatus", "/api/serverstatus"},
    {"SignIn", "/api/users/login{?returnUrl}"},
    {"SignOut", "/api/users/logout"},
    {"SmtpConfiguration", "/api/smtpconfiguration"},
    {"SmtpIsConfigured", "/api/smtpconfiguration/isconfigured"},
    {"SpaceHome", "/api/{spaceId}"},
    {"Spaces", "/api/spaces{/id}{?name,skip,ids,take,partialName}"},
    {"Subscriptions", "/api/{space}/subscriptions{/id}{?skip,take,ids,partialName,spaces}"},
    {"TagSets", "/api/{space}/tagsets{/id}{?skip,take,ids,partialName}"},
    {"TagSetSortOrder", "/api/{space}/tagsets/sortorder"},
    {"Tasks",
     "/api/tasks{/"
     "id}{?skip,active,environment,tenant,runbook,project,name,node,running,states,hasPendingInterruptions,"
     "hasWarningsOrErrors,take,ids,partialName,spaces,includeSystem}"},
    {"TaskTypes", "/api/tasks/taskTypes"},
    {"TeamMembership", "/api/teammembership{?userId,spaces,includeSystem}"},
    {"TeamMembershipPreviewTeam", "/api/teammembership/previewteam"},
    {"Teams", "/api/teams{/id}{?skip,take,ids,partialName,spaces,includeSystem}"},
    {"Tenants", "/api/{space}/tenants{/id}{?skip,projectId,name,tags,take,ids,clone,partialName,clonedFromTenantId}"},
    {"TenantsMissingVariables",
     "/api/{space}/tenants/variables-missing{?tenantId,projectId,environmentId,includeDetails}"},
    {"TenantsStatus", "/api/{space}/tenants/status"},
    {"TenantTagTest", "/api/{space}/tenants/tag-test{?tenantIds,tags}"},
    {"TenantVariables", "/api/{space}/tenantvariables/all{?projectId}"},
    {"Timezones", "/api/serverstatus/timezones"},
    {"UpgradeConfiguration", "/api/upgradeconfiguration"},
    {"UserAuthentication", "/api/users/authentication{/userId}"},
    {"UserIdentityMetadata", "/api/users/identity-metadata"},
    {"UserOnboarding", "/api/{space}/useronboarding"},
    {"UserRoles", "/api/userroles{/id}{?skip,take,ids,partialName}"},
    {"Users", "/api/users{/id}{?skip,take,ids,filter}"},
    {"VariableNames", "/api/{space}/variables/names{?project,runbook,projectEnvironmentsFilter}"},
    {"VariablePreview",
     "/api/{space}/variables/preview{?project,runbook,environment,channel,tenant,action,machine,role}"},
    {"Variables", "/api/{space}/variables{/id}{?ids}"},
    {"VersionControlClearCache", "/api/configuration/versioncontrol/clear-cache"},
    {"VersionRuleTest", "/api/{space}/channels/rule-test{?version,versionRange,preReleaseTag,feetType}"},
    {"Web", "/app"},
    {"WorkerOperatingSystems", "/api/{space}/workers/operatingsystem/names/all"},
    {"WorkerPools", "/api/{space}/workerpools{/id}{?name,skip,ids,take,partialName}"},
    {"WorkerPoolsDynamicWorkerTypes", "/api/{space}/workerpools/dynamicworkertypes"},
    {"WorkerPoolsSortOrder", "/api/{space}/workerpools/sortorder"},
    {"WorkerPoolsSummary",
     "/api/{space}/workerpools/"
     "summary{?ids,partialName,machinePartialName,isDisabled,healthStatuses,commStyles,hideEmptyWorkerPools,"
     "shellNames}"},
    {"WorkerPoolsSupportedTypes", "/api/{space}/workerpools/supportedtypes"},
    {"Workers",
     "/api/{space}/workers{/"
     "id}{?skip,take,name,ids,partialName,isDisabled,healthStatuses,commStyles,workerPoolIds,thumbprint,shellNames}"},
    {"WorkerShells", "/api/{space}/workers/operatingsystem/shells/all"},
    {"WorkerToolsLatestImages", "/api/workertoolslatestimages"},
    {"Authenticate_Google Apps", "/users/authenticate/GoogleApps{?returnUrl}"},
    {"IntegratedAuthenticationChallenge", "/integrated-challenge"},
    {"VariablesNonPrintableChars", "/api/{space}/variables/nonPrintableChars"},
    {"GitCredentials", "/api/{space}/git-credentials{/id}{?skip,take,name}"},
    {"ExportProjects", "/api/{space}/projects/import-export/export"},
    {"ImportProjects", "/api/{space}/projects/import-export/import"},
};

}  // namespace

// Links of the table that name no space, though what they lead to belongs to one: without a space it is the default
// one's.
constexpr std::string_view kFeeds = "/api/feeds{";

api::Links root_links(const std::string& space, bool default_space) {
  api::Links links;
  for (const RootLink& link : kRootLinks) {
    std::string url = text::replace_all(link.url, "{space}", space);
    if (!default_space && url.starts_with(kFeeds)) url = "/api/" + space + "/feeds" + url.substr(kFeeds.size() - 1);
    links.add(link.name, std::move(url));
  }
  return links;
}

}  // namespace fairlead::features::server_status
