export const notStarted = (): string =>
  'This hub server is not connected to its relays yet: it starts after app.listen(), or by MigrationService.start() in an application that only calls app.init().';

export const adminNotImported = (): string =>
  'admin.enabled is true, but nothing serves the admin API: add MigrationAdminModule to the imports of the root module.';

export const noHttpServer = (): string =>
  'A relay holds the clients of the application’s HTTP server, but this application has none. Create it with NestFactory.create(), or give it the role "hub".';
