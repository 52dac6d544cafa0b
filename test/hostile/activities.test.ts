import { testActivities } from './activity-tests.ts';

testActivities(1);
