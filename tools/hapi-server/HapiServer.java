import ca.uhn.fhir.batch2.api.IJobMaintenanceService;
import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binstore.MemoryBinaryStorageSvcImpl;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.searchparam.config.NicknameServiceConfig;
import ca.uhn.fhir.jpa.searchparam.submit.config.SearchParamSubmitterConfig;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/** HAPI FHIR's JPA server with bulk export, in memory, on loopback: `HapiServer <port>`, base URL `/fhir`. */
public final class HapiServer {
  /** By default a step of an export begins once a minute, and an export takes four. */
  private static final int MAINTENANCE_MILLISECONDS = 500;

  public static void main(String[] arguments) throws Exception {
    var port = Integer.parseInt(arguments[0]);
    ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(() -> Runtime.getRuntime().halt(0)));
    var beans = new AnnotationConfigApplicationContext(Beans.class);
    var server = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    var handler = new ServletContextHandler("/");
    handler.addServlet(new ServletHolder(new FhirServlet(beans)), "/fhir/*");
    server.setHandler(handler);
    var maintenance = beans.getBean(IJobMaintenanceService.class);
    Executors.newSingleThreadScheduledExecutor().scheduleWithFixedDelay(
        () -> maintain(maintenance), MAINTENANCE_MILLISECONDS, MAINTENANCE_MILLISECONDS, TimeUnit.MILLISECONDS);
    server.start();
    server.join();
  }

  /** An exception would end the schedule. */
  private static void maintain(IJobMaintenanceService maintenance) {
    try {
      maintenance.runMaintenancePass();
    } catch (RuntimeException error) {
      error.printStackTrace();
    }
  }

  private static final class FhirServlet extends RestfulServer {
    private final transient ApplicationContext beans;

    FhirServlet(ApplicationContext beans) {
      super(beans.getBean(FhirContext.class));
      this.beans = beans;
    }

    @Override
    protected void initialize() {
      registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
      registerProvider(beans.getBean(JpaSystemProvider.class));
      registerProvider(beans.getBean(BulkDataExportProvider.class));
      setServerConformanceProvider(new JpaCapabilityStatementProvider(
          this,
          beans.getBean(IFhirSystemDao.class),
          beans.getBean(JpaStorageSettings.class),
          beans.getBean(ISearchParamRegistry.class),
          beans.getBean(IValidationSupport.class)));
      setPagingProvider(beans.getBean(DatabaseBackedPagingProvider.class));
      setDefaultResponseEncoding(EncodingEnum.JSON);
    }
  }

  @Configuration
  @Import({
    JpaR4Config.class, HapiJpaConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class, NicknameServiceConfig.class,
    SubscriptionSubmitterConfig.class, SubscriptionChannelConfig.class, SearchParamSubmitterConfig.class,
    ThreadPoolFactoryConfig.class
  })
  public static class Beans {
    @Bean
    public JpaStorageSettings storageSettings() {
      var settings = new JpaStorageSettings();
      settings.setEnableTaskBulkExportJobExecution(true);
      settings.setResourceClientIdStrategy(JpaStorageSettings.ClientIdStrategyEnum.ANY);
      // A search must find what was just written.
      settings.setReuseCachedSearchResultsForMillis(null);
      // Several files for a type, though the hospital is small.
      settings.setBulkExportFileMaximumSize(20_000);
      return settings;
    }

    @Bean
    public PartitionSettings partitionSettings() {
      return new PartitionSettings();
    }

    @Bean
    public SubscriptionSettings subscriptionSettings() {
      return new SubscriptionSettings();
    }

    @Bean
    public IBinaryStorageSvc binaryStorage() {
      return new MemoryBinaryStorageSvcImpl();
    }

    @Bean
    public DataSource dataSource() {
      var source = new BasicDataSource();
      source.setDriver(new org.h2.Driver());
      source.setUrl("jdbc:h2:mem:hapi");
      source.setUsername("");
      source.setPassword("");
      source.setMaxTotal(20);
      return source;
    }

    @Bean
    public LocalContainerEntityManagerFactoryBean entityManagerFactory(
        ConfigurableListableBeanFactory beans, FhirContext context, JpaStorageSettings settings) {
      var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, context, settings);
      factory.setPersistenceUnitName("hapi");
      factory.setDataSource(dataSource());
      var properties = new Properties();
      properties.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
      properties.put("hibernate.hbm2ddl.auto", "create");
      properties.put("hibernate.search.enabled", "false");
      factory.setJpaProperties(properties);
      return factory;
    }

    @Bean
    @Primary
    public JpaTransactionManager transactionManager(EntityManagerFactory factory) {
      return new JpaTransactionManager(factory);
    }
  }
}
