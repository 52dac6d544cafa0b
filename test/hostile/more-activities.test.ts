import { CASES, testActivities } from './activity-tests.ts';

testActivities(1 + CASES);
