// OHIF's configuration with users who sign on in the browser, by OpenID Connect: the viewer sends their access token to
// dicomveil, which checks it ([access.oidc]). Otherwise as app-config.js. Fit authority, client_id and scope.
window.config = {
  routerBasename: '/',
  showStudyList: true,
  extensions: [],
  modes: [],
  maxNumberOfWebWorkers: 3,
  showLoadingIndicator: true,
  showWarningMessageForCrossOrigin: true,
  showCPUFallbackMessage: true,
  oidc: [
    {
      authority: 'https://sso.example.org/realms/hospital',
      client_id: 'viewer',
      redirect_uri: '/callback',
      response_type: 'code',
      scope: 'openid profile email',
      post_logout_redirect_uri: '/',
      automaticSilentRenew: true,
      revokeAccessTokenOnSignout: true,
    },
  ],
  // One data source and no upload: the viewer reaches nothing but the de-identified studies.
  defaultDataSourceName: 'dicomveil',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'dicomveil',
      configuration: {
        friendlyName: 'De-identified studies',
        name: 'dicomveil',
        qidoRoot: `${window.location.origin}/dicom-web`,
        wadoRoot: `${window.location.origin}/dicom-web`,
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        supportsReject: false,
        dicomUploadEnabled: false,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        bulkDataURI: { enabled: true },
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
};
